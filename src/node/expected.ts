import { BadSettings } from "../config.ts";
import { JobhookError } from "../errors.ts";
import { UnfitDatabase } from "./migrate.ts";
import { Refused } from "./refused.ts";

/** A port that is taken, a file that is not there or not ours. */
const OF_THE_SYSTEM = /^(EADDRINUSE|EADDRNOTAVAIL|EACCES|EPERM|ENOENT|ENOTDIR|EISDIR|EEXIST|ENOTEMPTY|ENOSPC|EROFS|EXDEV|SQLITE_\w+)$/;

export function isExpected(e: unknown): e is Error {
	if (!(e instanceof Error)) return false;
	const { code } = e as { code?: unknown };
	const known = [BadSettings, UnfitDatabase, JobhookError, Refused].some((kind) => e instanceof kind);
	return known || (typeof code === "string" && OF_THE_SYSTEM.test(code));
}
