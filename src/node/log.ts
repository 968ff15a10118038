import pino, { type DestinationStream } from "pino";
import type { Log } from "../deps.ts";

/** What must never be read in a log, wherever a line carries it. Requests are logged by route, without their URL. */
const REDACT = [
	"secret",
	"webhook_secret",
	"apiKey",
	"api_key",
	"authorization",
	"token",
	"key",
	"*.authorization",
	"*.secret",
	"*.apiKey",
];

export function createLog(level: string, destination?: DestinationStream): Log {
	const options = { level, redact: { paths: REDACT, censor: "[redacted]" }, base: null, timestamp: pino.stdTimeFunctions.isoTime };
	return destination ? pino(options, destination) : pino(options);
}
