import type { Config } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import type { Log } from "../deps.ts";
import { blobsOf, openBlobs } from "./blobs.ts";
import { collected } from "./collected.ts";
import { openMigrated } from "./database.ts";
import { mustExist } from "./existing.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { keepsItsKey, openSecretbox } from "./secrets.ts";
import { openSqlite } from "./sqlite.ts";
import type { Opening, Store } from "./store.ts";

/** Bytes of files that pass between two collections of what they leave behind. */
const GARBAGE_BYTES = 8 * 1_048_576;

/** Rejects with one line that an operator can do something about, and then leaves nothing open. */
export async function openStore(config: Config, log: Log, opening: Opening): Promise<Store> {
	const { database, masterKeys } = config;
	if (database.engine === "postgres") return openPostgresStore(config, database, log, opening);
	const file = { databasePath: database.path, masterKeys };
	if (opening.schema === "existing") mustExist(file);
	else keepsItsKey(file);
	const secrets = openSecretbox(file);
	const { db, applied } = opening.schema === "existing" ? { db: openSqlite(database.path), applied: 0 } : openMigrated(file);
	const ports = { db, blobs: collected(openBlobs(blobsOf(database.path)), GARBAGE_BYTES) };
	const alone = { tell() {}, hear() {} }; // a second process on this file looks by itself
	return { name: database.path, applied, ...ports, background: ports, clock: systemClock, secrets, ...alone, close: () => db.close() };
}
