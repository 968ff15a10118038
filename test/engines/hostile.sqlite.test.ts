import { describe } from "vitest";
import type { Db } from "../../src/db/db.ts";
import { hostile } from "../suite/faults/hostile.ts";
import { freshSqlite } from "../support/sqlite.ts";

/** Power cuts are not their subject. */
async function open(): Promise<Db> {
	const db = freshSqlite();
	db.raw.pragma("synchronous = OFF");
	return db;
}

describe("hostile receivers, on SQLite:", () => hostile(open));
