import { describe } from "vitest";
import { storeSuite } from "../suite/store.ts";
import { freshSqlite } from "../support/sqlite.ts";

describe("store on SQLite", () => storeSuite(async () => freshSqlite()));
