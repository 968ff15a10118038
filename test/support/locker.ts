import { createInterface } from "node:readline";
import Database from "better-sqlite3";

/* Run as a process of its own: takes and gives back the write lock of a database as it is told. */
const db = new Database(process.argv[2]);
for await (const line of createInterface(process.stdin)) {
	db.exec(line === "lock" ? "BEGIN IMMEDIATE" : "COMMIT");
	console.log("done");
}
