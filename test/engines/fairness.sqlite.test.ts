import { describe } from "vitest";
import { crowds } from "../suite/gateway/fairness-crowds.ts";
import { freshSqlite } from "../support/sqlite.ts";

describe("fairness on SQLite", () => crowds(async () => freshSqlite()));
