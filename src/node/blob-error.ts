import { JobhookError } from "../errors.ts";

export const codeOf = (e: unknown): unknown => (e as { code?: unknown } | null)?.code;

const HELP: Record<string, string> = {
	ENOSPC: "its disk is full: the operator frees space",
	EDQUOT: "its disk quota is used up: the operator raises it",
	EROFS: "its disk is read-only: the operator mounts it writable",
	EACCES: "the service has no right to it: the operator gives it back",
	EPERM: "the service has no right to it: the operator gives it back",
	EMFILE: "the service has too many files open: the operator raises its limit",
};

/** Whatever the file system refuses can be asked for again. Anything else is a broken promise of ours. */
export function blobError(e: unknown): unknown {
	const code = codeOf(e);
	if (typeof code !== "string" || !("syscall" in (e as object))) return e;
	return new JobhookError("unavailable", `the folder of large bodies cannot be used now, nothing was written; ${HELP[code] ?? code}`, {
		cause: e,
	});
}
