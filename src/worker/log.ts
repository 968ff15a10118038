import type { Config } from "../config.ts";
import { REDACTED } from "../core/redacted.ts";
import type { Log } from "../deps.ts";
import { JobhookError } from "../errors.ts";

const LEVELS = ["debug", "info", "warn", "error", "silent"];

/** One JSON line each; the platform adds the time to what it collects from the console. */
export function createLog(level: Config["logLevel"]): Log {
	const from = LEVELS.indexOf(level);
	const at = (name: "info" | "warn" | "error") => (fields: object, what: string) => {
		if (LEVELS.indexOf(name) >= from) console[name](lineOf(name, fields, what));
	};
	return { info: at("info"), warn: at("warn"), error: at("error") };
}

const lineOf = (level: string, fields: object, msg: string): string =>
	JSON.stringify({ level, msg, ...fields }, (name, value: unknown) =>
		REDACTED.includes(name)
			? "[redacted]"
			: value instanceof Error
				? value instanceof JobhookError
					? wordsOf(value)
					: (value.stack ?? wordsOf(value))
				: value,
	);

const wordsOf = (e: Error): string => (e.cause instanceof Error ? `${e.message}: ${wordsOf(e.cause)}` : e.message);
