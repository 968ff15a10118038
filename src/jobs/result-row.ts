import type { results } from "../db/schema.ts";
import type { Known, Move } from "./move.ts";
import { textTypeOf } from "./news.ts";

/** Characters. */
const LINK_MAX = 16_384;
/** A link that no row and no header should hold is none. */
export const linkThatFits = (link: string | null): string | null => (link !== null && link.length <= LINK_MAX ? link : null);

/** How the result of a job that completes is reached: the text, the kept copy, the provider's link. */
export function resultRow(known: Known, move: Extract<Move, { state: "completed" }>, now: number): typeof results.$inferSelect {
	const row = { jobId: known.jobId, appId: known.appId, providerUrl: linkThatFits(move.resultUrl), readAt: now };
	const none = { content: null, contentBlob: null, contentType: null, sizeBytes: null, sha256: null };
	const { kept } = move;
	if (kept === null) return { ...row, ...none };
	if (kept.kind === "text")
		return { ...row, ...none, content: kept.blob === null ? kept.text : null, contentBlob: kept.blob, contentType: textTypeOf(known) };
	const { blob, contentType, sizeBytes, sha256 } = kept.file;
	return { ...row, content: null, contentBlob: blob, contentType, sizeBytes, sha256 };
}
