import pino, { type DestinationStream } from "pino";
import { REDACTED } from "../core/redacted.ts";
import type { Log } from "../deps.ts";

const paths = REDACTED.flatMap((name) => [name, `*.${name}`]);

/** A driver's error carries more than it says: the row that was refused, the URL that was none. */
const err = (thrown: unknown): unknown => {
	if (!(thrown instanceof Error)) return thrown;
	const { type, message, stack } = pino.stdSerializers.err(thrown);
	const { code } = thrown as { code?: unknown };
	return { type, message, ...(typeof code === "string" ? { code } : {}), stack };
};

export function createLog(level: string, destination?: DestinationStream): Log {
	const redact = { paths, censor: "[redacted]" };
	const options = { level, redact, serializers: { err }, base: null, timestamp: pino.stdTimeFunctions.isoTime };
	return destination ? pino(options, destination) : pino(options);
}
