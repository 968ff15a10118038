import type { Log } from "../deps.ts";

/** One JSON line each; the platform adds time and level to what it collects from the console. */
const line = (fields: object, what: string) =>
	JSON.stringify({ msg: what, ...fields }, (_, value) => (value instanceof Error ? value.message : (value as unknown)));

export const workerLog: Log = {
	info: (fields, what) => console.log(line(fields, what)),
	warn: (fields, what) => console.warn(line(fields, what)),
	error: (fields, what) => console.error(line(fields, what)),
};
