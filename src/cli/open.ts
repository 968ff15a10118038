import { mkdirSync } from "node:fs";
import path from "node:path";
import { ensureDefaultApp, findApp } from "../access/apps.ts";
import { type Config, loadConfig } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import type { Deps, Log } from "../deps.ts";
import { blobsOf, openBlobs } from "../node/blobs.ts";
import { MIGRATIONS } from "../node/database.ts";
import { mustExist } from "../node/existing.ts";
import { migrateSqlite } from "../node/migrate.ts";
import { Refused } from "../node/refused.ts";
import { openSecretbox } from "../node/secrets.ts";
import { openSqlite, type SqliteDb } from "../node/sqlite.ts";

/** What a command works with: all the verbs ask for. It reaches nobody, and the service that runs beside it is not woken but looks by itself. */
export type Ports = Deps & { db: SqliteDb };

/** Opens the database of the settings for one command; a running service may have it open, too. It must be there. */
export async function withDatabase<T>(work: (ports: Ports) => Promise<T>): Promise<T> {
	const config = loadConfig(process.env);
	mustExist(config);
	return using(config, openSqlite(config.databasePath), work);
}

/** Makes the database where there is none, and brings it to this version's schema. */
export async function initialised<T>(work: (ports: Ports, applied: number) => Promise<T>): Promise<T> {
	const config = loadConfig(process.env);
	mkdirSync(path.dirname(config.databasePath), { recursive: true });
	const db = openSqlite(config.databasePath);
	return using(config, db, async (ports) => {
		const applied = migrateSqlite(db.raw, MIGRATIONS);
		await ensureDefaultApp(ports);
		return work(ports, applied);
	});
}

async function using<T>(config: Config, db: SqliteDb, work: (ports: Ports) => Promise<T>): Promise<T> {
	try {
		return await work({
			config,
			publicUrl: config.publicUrl ?? `http://${config.host}:${config.port}`,
			db,
			blobs: openBlobs(blobsOf(config.databasePath)),
			clock: systemClock,
			random: Math.random,
			http: () => Promise.reject(new Error("a command sends no requests")),
			secrets: openSecretbox(config),
			wake: () => {},
			woken: async () => {},
			log: SILENT,
		});
	} finally {
		await db.close();
	}
}

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

export async function appNamed(ports: Pick<Ports, "db">, name: string): Promise<string> {
	const app = await findApp(ports, name);
	if (app === null) throw new Refused(`there is no app named ${name}: \`jobhook apps list\` names them`);
	return app.id;
}
