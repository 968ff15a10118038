import pino, { type DestinationStream } from "pino";
import { REDACTED } from "../core/redacted.ts";
import type { Log } from "../deps.ts";

const paths = REDACTED.flatMap((name) => [name, `*.${name}`]);

export function createLog(level: string, destination?: DestinationStream): Log {
	const options = { level, redact: { paths, censor: "[redacted]" }, base: null, timestamp: pino.stdTimeFunctions.isoTime };
	return destination ? pino(options, destination) : pino(options);
}
