import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { type Config, loadConfig } from "../config.ts";
import { startGateway } from "../node/gateway.ts";
import { inOneLine } from "../node/postgres-store.ts";
import { startWorker } from "../node/worker.ts";
import { sandboxedSettings } from "../node/worker-config.ts";
import { startPostgresServer } from "./postgres-server.ts";

export interface Engine {
	url: string;
	stop(): Promise<void>;
}
/** Is run when the demo ends, whether it went well or not; what was begun last ends first. */
export type AtEnd = (close: () => Promise<void>) => void;

/** What the same service runs on. Each leaves nothing behind when it is stopped. */
export const ENGINES: Readonly<Record<string, (config: Config, atEnd: AtEnd) => Promise<Engine>>> = {
	/** Node and a SQLite file. */
	sqlite: (config) => startGateway(config),
	/** Node and PostgreSQL: the server of `DATABASE_URL`, else one of our own. */
	postgres: async (config, atEnd) => {
		const place = { engine: "postgres", ...(await guestRoom(atEnd)) } as const;
		return startGateway({ ...config, database: place, masterKeys: [randomBytes(32)] });
	},
	/** Workers, D1, queue and bucket, in workerd on this machine. */
	worker: (config) => startWorker({ settings: { ...sandboxedSettings(config), JOBHOOK_MASTER_KEY: randomBytes(32).toString("base64") } }),
};

async function guestRoom(atEnd: AtEnd): Promise<{ url: string; name: string }> {
	const { database } = loadConfig({ DATABASE_URL: process.env["DATABASE_URL"] });
	if (database.engine === "postgres") return ownSchema(database, atEnd);
	const server = await startPostgresServer();
	atEnd(server.stop);
	return { url: server.url, name: server.url };
}

/** On somebody's server: a schema of our own, so that no table of theirs is touched. */
async function ownSchema({ url, name }: { url: string; name: string }, atEnd: AtEnd): Promise<{ url: string; name: string }> {
	const schema = `jobhook_demo_${randomBytes(6).toString("hex")}`;
	const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
	const made = sql`CREATE SCHEMA ${sql(schema)}`.then(() => true);
	atEnd(async () => {
		if (await made.catch(() => false)) await sql`DROP SCHEMA ${sql(schema)} CASCADE`;
		await sql.end({ timeout: 5 });
	});
	await made.catch((e: unknown) => {
		throw inOneLine(e, name);
	});
	return { url: `${url}${url.includes("?") ? "&" : "?"}search_path=${schema}`, name };
}
