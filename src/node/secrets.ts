import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BadSettings, type Config } from "../config.ts";
import { Secretbox } from "../core/secretbox.ts";
import { Refused } from "./refused.ts";

/** A database in a file, and the master keys of the settings. */
export interface SqliteFile {
	databasePath: string;
	masterKeys: Config["masterKeys"];
}

/** Processes on several machines share no file: the master keys come from the settings. */
export function sharedSecretbox({ masterKeys }: Pick<Config, "masterKeys">): Secretbox {
	if (masterKeys !== undefined) return new Secretbox(masterKeys);
	throw new BadSettings(
		"JOBHOOK_MASTER_KEY is not set, and every process on this PostgreSQL needs the same one: make it with `openssl rand -base64 32`, and keep a copy",
	);
}

/**
 * The master keys: from the settings, else from `jobhook.key` beside the database, made at the first start and readable
 * by its owner alone. Of two processes that start at once one writes the file and both read it.
 */
export function openSecretbox(config: SqliteFile): Secretbox {
	return new Secretbox(config.masterKeys ?? [readOrMake(keyFileOf(config.databasePath))]);
}

/** A database whose key is lost must not get a new one: it would open nothing. */
export function keepsItsKey(config: SqliteFile): void {
	const key = keyFileOf(config.databasePath);
	const written = (statSync(config.databasePath, { throwIfNoEntry: false })?.size ?? 0) > 0;
	if (written && config.masterKeys === undefined && !existsSync(key))
		throw new Refused(`no master key at ${key}: put the one back that belongs to this database, or set JOBHOOK_MASTER_KEY`);
}

/** Where the master key of a database is kept. */
export const keyFileOf = (databasePath: string): string => path.join(path.dirname(databasePath), "jobhook.key");

function readOrMake(file: string): Buffer {
	mkdirSync(path.dirname(file), { recursive: true });
	const fresh = `${file}.${process.pid}`;
	writeFileSync(fresh, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
	try {
		linkSync(fresh, file); // all of it or nothing, and never over one that is there
	} catch (e) {
		if ((e as NodeJS.ErrnoException).code !== "EEXIST") throw e;
	} finally {
		rmSync(fresh);
	}
	const key = Buffer.from(readFileSync(file, "utf8").trim(), "base64");
	if (key.length !== 32) throw new Error(`${file} does not hold a master key (base64 of 32 bytes)`);
	return key;
}
