import { ConstraintError } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

const codeOf = (e: unknown): string => String((e as { code?: unknown }).code ?? "");

/** Deadlocks and lost races: the same batch may be run again at once. */
export const isConflict = (e: unknown): boolean => ["40001", "40P01"].includes(codeOf(e));

/**
 * Connection lost or refused (08, the driver's words, the system's), resources (53), an operator or a time limit (57), a lock
 * that somebody holds (55P03), a standby (25006), conflicts that did not end (40).
 */
const NOT_NOW = /^(08|53|57|40)|^(55P03|25006|25P0[23])$|^(CONNECTION_|CONNECT_)|^E(CONN|PIPE|HOST|NET|TIMEDOUT|AI_AGAIN)/;

/** The port's errors in place of the driver's. */
export function postgresError(e: unknown): unknown {
	if (e instanceof JobhookError) return e;
	const code = codeOf(e);
	if (code === "23505") return new ConstraintError((e as Error).message, { cause: e });
	if (NOT_NOW.test(code)) return new JobhookError("unavailable", "the database cannot take this now", { cause: e });
	return e;
}
