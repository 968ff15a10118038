import type { Command } from "commander";
import { importKey } from "../access/import-key.ts";
import { createKey, listKeys, revokeKey, type Scope } from "../access/keys.ts";
import { parseId } from "../core/ids.ts";
import { listed } from "../http/list.ts";
import { Refused } from "../node/refused.ts";
import { PROVIDERS } from "../providers/index.ts";
import { group, type Json, leaf, matching, ofApp, type Paged, paged, pageFrom, scopes } from "./command.ts";
import { appNamed, initialised, type Ports, withDatabase } from "./open.ts";
import { listText, tell, tellSecret } from "./print.ts";
import { type FromOutside, readSecrets } from "./stdin.ts";

type OfApp = Json & { app: string };
const SCOPES_HELP = "what it may do: submit,read,admin";
const ACCOUNT_NAME = /^(?!(default|sandbox)$)[a-z0-9][a-z0-9_.-]{0,63}$/;

export function addKeys(program: Command): void {
	const keys = group(program, "keys", "API keys");
	ofApp(leaf(keys, "create", "make a key and print it, this once"))
		.option("--name <name>", "what you will know it by", "unnamed")
		.option("--scopes <list>", SCOPES_HELP, scopes, ["admin"])
		.option("--init", "make the database, too, where there is none")
		.action(async (options: OfApp & { name: string; scopes: Scope[]; init?: boolean }) => {
			const make = async (ports: Ports) => createKey(ports, await appNamed(ports, options.app), options);
			const key = await (options.init ? initialised(make) : withDatabase(make));
			tellSecret(options, key, key.key, `the key ${key.id} of the app ${options.app} (${key.scopes.join(",")})`);
		});

	paged(ofApp(leaf(keys, "list", "keys of an app, newest first, revoked ones too"))).action(async (options: OfApp & Paged) => {
		const page = pageFrom("key", options);
		const list = listed(await withDatabase(async (ports) => listKeys(ports, await appNamed(ports, options.app), page)), page);
		tell(options, list, () => listText(list, ["id", "name", "scopes", "account", "created_at", "revoked_at"]));
	});

	ofApp(leaf(keys, "revoke", "let a key open nothing any more; its jobs go on"))
		.argument("<id>", "key_…")
		.action(async (text: string, options: OfApp) => {
			const key = await withDatabase(async (ports) => {
				const app = await appNamed(ports, options.app);
				const id = parseId("key", text);
				return id === null ? null : revokeKey(ports, app, id);
			});
			// what was given may be the key itself, which is for no log
			if (key === null)
				throw new Refused(`the app ${options.app} has no key ${parseId("key", text) ?? "of that id: `jobhook keys list` shows them"}`);
			tell(options, key, () => `${key.id} ${key.name} is revoked since ${key.revoked_at}`);
		});

	addImport(keys);
}

/** For clients that keep the key they have at a provider and change the URL only. */
function addImport(keys: Command): void {
	ofApp(leaf(keys, "import", "register an existing key of a provider: it opens this service, and its jobs are sent with it"))
		.requiredOption("--provider <name>", `one of ${Object.keys(PROVIDERS).join(", ")}`, known)
		.option("--name <name>", "names the account, <provider>:<name>", matching(ACCOUNT_NAME, ACCOUNT_WORDS), "imported")
		.option("--scopes <list>", SCOPES_HELP, scopes, ["submit"])
		.option("--key-stdin", "read the key from standard input, one line")
		.option("--key-env <variable>", "or from this environment variable")
		.option("--webhook-secret-stdin", "read its webhook secret from standard input, the line after the key")
		.option("--webhook-secret-env <variable>", "or from this environment variable; without one its jobs are polled")
		.action(async (options: OfApp & FromOutside & { provider: string; name: string; scopes: Scope[] }) => {
			const secrets = await readSecrets(options);
			const key = await withDatabase(async (ports) => importKey(ports, await appNamed(ports, options.app), { ...options, ...secrets }));
			tell(options, key, () => `${key.id} of the app ${options.app} (${key.scopes.join(",")}): jobs go to the account ${key.account}`);
		});
}

const ACCOUNT_WORDS = "1 to 64 lower-case letters, digits, dots, - and _; not default or sandbox, which the settings make.";
const known = matching(new RegExp(`^(${Object.keys(PROVIDERS).join("|")})$`), `One of ${Object.keys(PROVIDERS).join(", ")}.`);
