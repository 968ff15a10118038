import { ConstraintError } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

/** What SQLite could not do now is `unavailable` (503, nothing written); the rest is a broken promise of ours. */
export function sqliteError(e: unknown): unknown {
	const code = (e as { code?: unknown }).code;
	if (typeof code !== "string") return e;
	if (code.startsWith("SQLITE_CONSTRAINT")) return new ConstraintError((e as Error).message, { cause: e });
	if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|NOMEM|CORRUPT|NOTADB)/.test(code))
		return new JobhookError("unavailable", "the database cannot take this now; nothing was written", { cause: e });
	return e;
}
