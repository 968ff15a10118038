import { describe } from "vitest";
import { storeSuite } from "../suite/store.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

describe("store on PostgreSQL", () => storeSuite(emptyPostgres));
