import type { Config } from "../config.ts";
import type { results } from "../db/schema.ts";
import type { Known, Move } from "./move.ts";
import { linkOf, textTypeOf } from "./news.ts";

/** How the result of a job that completes is reached: the text, the kept copy, the provider's link. */
export function resultRow(
	config: Config,
	known: Known,
	move: Extract<Move, { state: "completed" }>,
	now: number,
): typeof results.$inferSelect {
	const row = { jobId: known.jobId, appId: known.appId, providerUrl: linkOf(config, known.provider, move.resultUrl), readAt: now };
	const none = { content: null, contentBlob: null, contentType: null, sizeBytes: null, sha256: null };
	const { kept } = move;
	if (kept === null) return { ...row, ...none };
	if (kept.kind === "text")
		return { ...row, ...none, content: kept.blob === null ? kept.text : null, contentBlob: kept.blob, contentType: textTypeOf(known) };
	const { blob, contentType, sizeBytes, sha256 } = kept.file;
	return { ...row, content: null, contentBlob: blob, contentType, sizeBytes, sha256 };
}
