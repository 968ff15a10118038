import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Config } from "../config.ts";
import { Refused } from "./refused.ts";
import { ROOT } from "./root.ts";

/** A copy of wrangler.toml: wrangler writes where its configuration is, and not into the repository. */
export function writeConfig(folder: string, main: string, more = ""): void {
	const file = path.join(ROOT, "wrangler.toml");
	if (!existsSync(file)) throw new Refused(`no wrangler.toml at ${ROOT}: the worker engine runs from the repository`);
	const copy = readFileSync(file, "utf8")
		.replace(/^main = .*/m, () => `main = ${JSON.stringify(main)}\n${more}`)
		.replace(/^(migrations_dir|debug) = "(.+)"/gm, (_, name, at) => `${name} = ${JSON.stringify(path.join(ROOT, at))}`);
	writeFileSync(path.join(folder, "wrangler.toml"), copy);
}

/** Settings beside the configuration, for their owner alone. As arguments everybody could read them in `ps`. */
export function writeSettings(folder: string, settings: Readonly<Record<string, string>>): void {
	const lines = Object.entries(settings).map(([name, value]) => {
		const quote = ["'", "`"].find((one) => !value.includes(one)); // between these it is read back as it is
		if (quote === undefined) throw new Refused(`${name} holds both ' and \``);
		return `${name}=${quote}${value}${quote}\n`;
	});
	writeFileSync(path.join(folder, ".dev.vars"), lines.join(""), { mode: 0o600 });
}

/** What a Worker needs to know of the sandbox that `startSandboxed` set up for a gateway, and its first key. */
export function sandboxedSettings(config: Config): Record<string, string> {
	return {
		JOBHOOK_API_KEY: config.apiKey ?? "",
		DEAPI_BASE_URL: config.deapiBaseUrl,
		DEAPI_API_KEY: config.deapiApiKey ?? "",
		DEAPI_WEBHOOK_SECRET: config.deapiWebhookSecrets.join(","),
		DECART_BASE_URL: config.decartBaseUrl,
		DECART_API_KEY: config.decartApiKey ?? "",
		CALLBACK_ALLOW: config.callbackAllow.join(","),
		LOG_LEVEL: config.logLevel,
	};
}
