import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Config } from "../config.ts";
import { Secretbox } from "../core/secretbox.ts";

/**
 * The master keys: from the settings, else from `jobhook.key` beside the database, made at the first start and readable
 * by its owner alone. Of two processes that start at once one writes the file and both read it.
 */
export function openSecretbox(config: Pick<Config, "masterKeys" | "databasePath">): Secretbox {
	return new Secretbox(config.masterKeys ?? [readOrMake(keyFileOf(config.databasePath))]);
}

/** Where the master key of a database is kept. */
export const keyFileOf = (databasePath: string): string => path.join(path.dirname(databasePath), "jobhook.key");

function readOrMake(file: string): Buffer {
	mkdirSync(path.dirname(file), { recursive: true });
	try {
		writeFileSync(file, `${randomBytes(32).toString("base64")}\n`, { flag: "wx", mode: 0o600 });
	} catch (e) {
		if ((e as NodeJS.ErrnoException).code !== "EEXIST") throw e;
	}
	const key = Buffer.from(readFileSync(file, "utf8").trim(), "base64");
	if (key.length !== 32) throw new Error(`${file} does not hold a master key (base64 of 32 bytes)`);
	return key;
}
