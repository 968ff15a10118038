import { describe } from "vitest";
import { crowds } from "../suite/gateway/fairness-crowds.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

describe("fairness on PostgreSQL", () => crowds(emptyPostgres));
