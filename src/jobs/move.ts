import type { RowOf } from "../db/db.ts";
import type { receipts } from "../db/schema.ts";
import type { StoredFile } from "../files/stored.ts";
import type { News } from "../providers/provider.ts";
import type { knownBySubmission } from "./sql/finish.ts";

export type Receipt = typeof receipts.$inferSelect;
export type Known = RowOf<typeof knownBySubmission>;

/** A result that was fetched. `blob`: where a long text is. */
export type Kept = { kind: "text"; text: string; blob: string | null } | { kind: "file"; file: Omit<StoredFile, "id" | "name"> };

/** `kept` null: its link is all there is. */
type Completed = Extract<News, { state: "completed" }> & { kept: Kept | null };
/** `fetch`: the provider is done, and what it made is to be fetched first; the link to it, where it told one. */
type Processing = { state: "processing"; fetch?: { resultUrl: string | null } };

/** A move that is due, with what the provider said of it. `canceled` and our own failures come as moves, too. */
export type Move = (Processing | Completed | Extract<News, { state: "failed" }> | { state: "canceled"; message: string }) & {
	providerJobId: string | null;
};

/**
 * What the move rests on: a receipt to be stored with it, an orphan to be joined, a result that was fetched, a send that is
 * withdrawn with it, or our own account.
 */
export type Ground =
	| { kind: "receipt"; receipt: Receipt }
	| { kind: "orphan"; receiptId: string }
	| { kind: "fetched" }
	| { kind: "withdrawn"; reason: string }
	| { kind: "own"; submissionState: string; reason: string };
