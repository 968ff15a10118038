#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { ensureDefaultApp, findApp, setCallbackSecret } from "./access/apps.ts";
import { createKey } from "./access/keys.ts";
import { loadConfig } from "./config.ts";
import { systemClock } from "./core/clock.ts";
import { newSigningSecret } from "./core/signature.ts";
import { openDatabase } from "./node/database.ts";
import { openSecretbox } from "./node/secrets.ts";

type Ports = { db: ReturnType<typeof openDatabase>; clock: typeof systemClock; secrets: ReturnType<typeof openSecretbox> };

/** Opens the database of the settings for one command; a running service may have it open, too. */
async function withDatabase<T>(work: (ports: Ports) => Promise<T>): Promise<T> {
	const config = loadConfig(process.env);
	const db = openDatabase(config);
	try {
		const ports = { db, clock: systemClock, secrets: openSecretbox(config) };
		await ensureDefaultApp(ports);
		return await work(ports);
	} finally {
		await db.close();
	}
}

async function appNamed(ports: Ports, name: string): Promise<string> {
	const app = await findApp(ports, name);
	if (app === null) throw new Error(`there is no app named ${name}`);
	return app.id;
}

const program = new Command("jobhook").description("Operate a jobhook service.").version("0.1.0").exitOverride();

program
	.command("keys")
	.description("API keys")
	.command("create")
	.description("make a key and print it, this once")
	.option("--app <name>", "the app it belongs to", "default")
	.option("--name <name>", "what you will know it by", "unnamed")
	.action(async (options: { app: string; name: string }) => {
		const { key } = await withDatabase(async (ports) =>
			createKey(ports, await appNamed(ports, options.app), { name: options.name, scopes: ["admin"] }),
		);
		console.log(key);
	});

program
	.command("secrets")
	.description("secrets that sign callbacks")
	.command("rotate")
	.description("give an app a new callback secret and print it, this once; the old one signs nothing more")
	.option("--app <name>", "the app", "default")
	.action(async (options: { app: string }) => {
		const secret = newSigningSecret();
		await withDatabase(async (ports) => setCallbackSecret(ports, await appNamed(ports, options.app), secret));
		console.log(secret);
	});

try {
	await program.parseAsync();
} catch (e) {
	if (!(e instanceof CommanderError)) console.error((e as Error).message);
	process.exitCode = e instanceof CommanderError ? e.exitCode : 1;
}
