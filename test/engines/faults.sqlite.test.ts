import { describe } from "vitest";
import type { Db } from "../../src/db/db.ts";
import { faultsSuite, loads } from "../suite/faults.ts";
import { freshSqlite } from "../support/sqlite.ts";

/** Days go by in seconds, one commit after the other; power cuts are not their subject. */
async function open(): Promise<Db> {
	const db = freshSqlite();
	db.raw.pragma("synchronous = OFF");
	return db;
}

describe("faults on SQLite", () => faultsSuite(open, loads[process.env["FAULTS"] === "full" ? "full" : "quick"]));
