import { ConstraintError } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

/** Nothing was written, and the same batch may be tried again. */
export const unavailable = (cause: unknown): JobhookError =>
	new JobhookError("unavailable", "the database cannot take this now; nothing was written", { cause });

/** What SQLite could not do now is `unavailable` (503); what is neither that nor a unique key is a broken promise of ours. */
export function sqliteError(e: unknown): unknown {
	const code = (e as { code?: unknown }).code;
	if (typeof code !== "string") return e;
	if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)$/.test(code)) return new ConstraintError((e as Error).message, { cause: e });
	if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|NOMEM|CORRUPT|NOTADB)/.test(code)) return unavailable(e);
	return e;
}
