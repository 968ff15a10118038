import { ensureDefaultApp, findApp } from "../access/apps.ts";
import { type Config, loadConfig } from "../config.ts";
import type { Deps, Log } from "../deps.ts";
import { openStore } from "../node/open-store.ts";
import { Refused } from "../node/refused.ts";
import type { Store } from "../node/store.ts";

/** What a command works with: all the verbs ask for. It reaches nobody; a service on SQLite is not woken but looks by itself. */
export type Ports = Deps;

/** Opens the database of the settings for one command; running services may have it open, too. It must be there. */
export async function withDatabase<T>(work: (ports: Ports) => Promise<T>): Promise<T> {
	const config = loadConfig(process.env);
	return using(config, await openStore(config, SILENT, { schema: "existing", patienceMs: 0 }), work);
}

/** Makes the database where there is none, and brings it to this version's schema. */
export async function initialised<T>(work: (ports: Ports, store: Store) => Promise<T>): Promise<T> {
	const config = loadConfig(process.env);
	const store = await openStore(config, SILENT, { schema: "migrate", patienceMs: 0 });
	return using(config, store, async (ports) => {
		await ensureDefaultApp(ports);
		return work(ports, store);
	});
}

async function using<T>(config: Config, store: Store, work: (ports: Ports) => Promise<T>): Promise<T> {
	const { db, blobs, clock, secrets, tell } = store;
	try {
		return await work({
			config,
			publicUrl: config.publicUrl ?? `http://${config.host}:${config.port}`,
			db,
			blobs,
			clock,
			random: Math.random,
			http: () => Promise.reject(new Error("a command sends no requests")),
			secrets,
			wake: tell,
			woken: async () => {},
			log: SILENT,
		});
	} finally {
		await store.close();
	}
}

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

export async function appNamed(ports: Pick<Ports, "db">, name: string): Promise<string> {
	const app = await findApp(ports, name);
	if (app === null) throw new Refused(`there is no app named ${name}: \`jobhook apps list\` names them`);
	return app.id;
}
