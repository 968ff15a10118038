import { ConstraintError } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

const codeOf = (e: unknown): string => String((e as { code?: unknown } | null)?.code ?? "");

/** A plan that the server lost, or that a migration has changed: the connection that keeps it is of no use any more. */
export const isStale = (e: unknown): boolean =>
	codeOf(e) === "26000" || (e as { routine?: unknown } | null)?.routine === "RevalidateCachedQuery";

/** Deadlocks, lost races, stale plans: all was rolled back, and the same batch may be run again at once. */
export const isConflict = (e: unknown): boolean => ["40001", "40P01"].includes(codeOf(e)) || isStale(e);

/**
 * Connection lost (08, the driver's words, the system's), no login any more (28, 3D), resources (53), an operator or a time
 * limit (57), a lock that somebody holds (55P03), a standby (25006), conflicts that did not end (40).
 */
const NOT_NOW = /^(08|28|3D|40|53|57)...$|^(55P03|25006|25P03|26000)$|^(CONNECTION|CONNECT)_|^E(CONN|PIPE|HOST|NET|TIMEDOUT)/;

/** A statement that the server refused, and nothing else: the transaction is over, the connection goes on. */
const isRefusal = (e: unknown): boolean => (e as { severity?: unknown } | null)?.severity === "ERROR";

/** The port's errors in place of the driver's. `writes`: what broke off may be committed all the same. */
export function postgresError(e: unknown, writes: boolean): unknown {
	if (e instanceof JobhookError) return e;
	const code = codeOf(e);
	if (code === "23505") return new ConstraintError((e as Error).message, { cause: e });
	if (!NOT_NOW.test(code)) return e;
	if (isRefusal(e)) return new JobhookError("unavailable", "the database cannot take this now; nothing was written", { cause: e });
	const whatOfIt = writes ? "whether this was written is not known, repeat it with its Idempotency-Key" : "nothing was to be written";
	return new JobhookError("unavailable", `the database broke off; ${whatOfIt}`, { cause: e, maybeWritten: writes });
}
