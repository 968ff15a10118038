import path from "node:path";
import type { Command } from "commander";
import { type Config, loadConfig } from "../config.ts";
import { backup } from "../node/backup.ts";
import { mustExist } from "../node/existing.ts";
import { Refused } from "../node/refused.ts";
import type { SqliteFile } from "../node/secrets.ts";
import { type Json, leaf } from "./command.ts";
import { initialised } from "./open.ts";
import { card, tell } from "./print.ts";

export function addService(program: Command): void {
	leaf(program, "start", "run the service until SIGTERM or SIGINT; its log is JSON lines").action(async () => {
		const { serve } = await import("../node/serve.ts"); // with all it needs: no other command waits for that
		await serve(process.env);
	});

	leaf(program, "migrate", "bring the database to this version's schema; makes it where there is none").action(async (options: Json) => {
		const done = await initialised(async ({ config: { database } }, { name, applied }) => ({
			ok: true,
			database: database.engine === "sqlite" ? path.resolve(database.path) : name,
			applied,
		}));
		tell(options, done, () => `${done.database}: ${done.applied === 0 ? "up to date" : `${done.applied} migrations applied`}`);
	});

	leaf(program, "backup", "copy database and master key into a new folder, while the service runs")
		.argument("<folder>", "made by this command")
		.action((folder: string, options: Json) => {
			const config = loadConfig(process.env);
			const file = fileOf(config);
			mustExist(file);
			const made = backup(file, folder, (step) => console.error(`${step} …`));
			tell(options, { ok: true, ...made }, () => {
				const { rows, key, ...rest } = made;
				const kept = key ?? "JOBHOOK_MASTER_KEY, not in the backup: keep it apart";
				return `${card({ ...rest, key: kept, jobs: rows["jobs"], events: rows["events"], deliveries: rows["deliveries"] })}\nok`;
			});
		});
}

/** A server's own tools copy its databases better than we could. */
function fileOf({ database, masterKeys }: Config): SqliteFile {
	if (database.engine === "sqlite") return { databasePath: database.path, masterKeys };
	throw new Refused(
		`${database.name} is on a PostgreSQL server: \`pg_dump --format=custom --file=jobhook.dump "$DATABASE_URL"\` copies all of it, and JOBHOOK_MASTER_KEY is kept apart: without it the secrets in the copy stay sealed`,
	);
}
