import { blobKey } from "../core/blobs.ts";
import type { Deps } from "../deps.ts";
import { isUnavailable, JobhookError } from "../errors.ts";
import { keepFile } from "../files/keep.ts";
import type { StoredFile } from "../files/stored.ts";
import type { Allowance, FetchOutcome, Take } from "../providers/provider.ts";
import { keepLong } from "./blobs.ts";
import type { Kept } from "./move.ts";
import type { Claimed } from "./sql/work.ts";

/** How one try went. `kept` null: its link has to do. `hopeless`: no other try will go better. */
export type Fetched =
	| { kind: "fetched"; kept: Kept | null; resultUrl: string | null; allowance?: Allowance }
	| (Extract<FetchOutcome, { kind: "failed" }> & { hopeless?: true });

type Ask = (take: Take | null, nowMs: number) => Promise<FetchOutcome>;

/** A long text is on disk before the row that names it. While it cannot be kept it is fetched again; at the last try its link has to do. */
export async function fetchText(deps: Deps, { jobId: id, appId }: Claimed, ask: Ask): Promise<Fetched> {
	const outcome = await ask(null, deps.clock.now());
	if (outcome.kind === "failed") return outcome;
	const { text, ...rest } = outcome;
	if (text === null) return { ...rest, kept: null };
	try {
		return { ...rest, kept: { kind: "text", text, blob: await keepLong(deps, "results", { id, appId }, text) } };
	} catch (e) {
		if (!isUnavailable(e)) throw e;
		return { ...rest, kind: "failed", reason: "not_kept", retryAfterMs: null };
	}
}

/** A file goes from the provider into the store, in pieces, and is there before the row that names it. */
export async function fetchFile(deps: Deps, { jobId: id, appId, type }: Claimed, ask: Ask): Promise<Fetched> {
	let file: StoredFile | null = null;
	let refused: JobhookError | null = null;
	const take: Take = async ({ headers }, chunks) => {
		const key = blobKey("results", { id, app: appId }, deps.clock.now());
		try {
			file = await keepFile(deps, { id, key, name: null, claims: headers["content-type"] ?? null }, chunks, deps.config.resultMaxBytes);
		} catch (e) {
			if (!(e instanceof JobhookError)) throw e;
			refused = e; // by us, not by the provider, whose link may still do
		}
	};
	const outcome = await ask(take, deps.clock.now());
	if (outcome.kind === "failed") return outcome;
	const { text: _, ...rest } = outcome;
	const [kept, why] = [file, refused] as [StoredFile | null, JobhookError | null]; // TypeScript does not see that it was called
	if (why !== null) return { ...rest, ...notKept(deps, { jobId: id, type }, why) };
	if (kept === null || kept.sizeBytes === 0) return { ...rest, kind: "failed", reason: "empty_result", retryAfterMs: null };
	return { ...rest, kept: { kind: "file", file: kept } };
}

function notKept(deps: Deps, { jobId: job, type }: Pick<Claimed, "jobId" | "type">, e: JobhookError) {
	const hopeless = e.code === "payload_too_large";
	if (!hopeless && !isUnavailable(e)) throw e;
	deps.log.error({ job, type, err: e }, "result.not_kept");
	const reason = hopeless ? "too_large" : "not_kept";
	return { kind: "failed" as const, reason, retryAfterMs: null, ...(hopeless ? { hopeless } : {}) };
}
