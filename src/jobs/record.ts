import { ConstraintError } from "../db/db.ts";
import type { receipts } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import type { News } from "../providers/provider.ts";
import { startFetch } from "./fetch-result.ts";
import { finish } from "./finish.ts";
import { judge, type Verdict } from "./job.ts";
import type { Ground, Known } from "./move.ts";
import { fetchesFirst, meaning } from "./news.ts";
import * as sql from "./sql/finish.ts";

type Receipt = typeof receipts.$inferSelect;

/** What a provider told us, verified, and the submission it was told to where its hook's token names one. */
export interface Told {
	/** `id`, `source`, ids of the provider, type and body; outcome and owner are decided here. */
	receipt: Omit<Receipt, "outcome" | "appId" | "jobId" | "submissionId"> & { providerJobId: string };
	submissionId: string | null;
	news: News | null;
}

export type Recorded = { outcome: Exclude<Verdict, "apply"> | "applied" | "duplicate"; jobId: string | null };

/** Another writer moved the job between our read and our batch; each time one of us gets ahead, so a few tries do. */
const TRIES = 20;

/** Records what was told, exactly once, and lets it move the job if it may. Resolves after the commit. */
export async function record(deps: Deps, told: Told): Promise<Recorded> {
	for (let attempt = 0; attempt < TRIES; attempt++) {
		const known = await whatWeKnow(deps, told);
		const verdict = verdictOn(deps, known, told);
		const result = verdict === "apply" && known !== null ? await apply(deps, known, told) : await keep(deps, known, told, verdict);
		if (result !== "stale") return { outcome: result, jobId: known?.jobId ?? null };
	}
	throw new Error(`job of receipt ${told.receipt.deliveryId} moved ${TRIES} times under our hands`);
}

/** Joins a hook that came ahead of our own record, now that its job is known. */
export async function joinOrphan(deps: Deps, receiptId: string, told: Told): Promise<Recorded["outcome"]> {
	for (let attempt = 0; attempt < TRIES; attempt++) {
		const known = await whatWeKnow(deps, told);
		const verdict = verdictOn(deps, known, told);
		if (known === null || verdict === "orphan") return "orphan";
		if (verdict === "apply" && told.news !== null) {
			if (await act(deps, known, told, { kind: "orphan", receiptId })) return "applied";
			continue;
		}
		const owner = { app: known.appId, job: known.jobId, submission: known.submissionId };
		const outcome = verdict === "apply" ? "ignored" : verdict;
		await deps.db.batch([sql.orphanSettled.bind({ receipt: receiptId, outcome, ...owner })]);
		return outcome;
	}
	return "orphan";
}

async function whatWeKnow(deps: Deps, told: Told): Promise<Known | null> {
	const { provider, accountId: account, providerJobId } = told.receipt;
	const rows =
		told.submissionId === null
			? await deps.db.read(sql.knownByProviderJob.bind({ provider, account, told: providerJobId }))
			: await deps.db.read(sql.knownBySubmission.bind({ submission: told.submissionId, told: providerJobId }));
	return rows[0] ?? null;
}

function verdictOn({ config }: Deps, known: Known | null, told: Told): Verdict {
	const news = known && meaning(config, known, told.news);
	const view = known && {
		...known,
		idTaken: known.idTaken > 0,
		sameAccount: known.accountId === told.receipt.accountId,
		fetching: known.phase === "result",
	};
	return judge(view, { providerJobId: told.receipt.providerJobId, state: news?.state ?? null });
}

/** Moves the job as the news says, or starts to fetch what success has left at the provider. */
async function act(deps: Deps, known: Known, told: Told, ground: Extract<Ground, { kind: "receipt" | "orphan" }>): Promise<boolean> {
	const news = meaning(deps.config, known, told.news);
	const { providerJobId } = told.receipt;
	if (news === null) return false;
	if (news.state !== "completed") return finish(deps, known, { ...news, providerJobId }, ground);
	if (fetchesFirst(deps.config, known)) return startFetch(deps, known, { providerJobId, resultUrl: news.resultUrl }, ground);
	return finish(deps, known, { ...news, kept: null, providerJobId }, ground);
}

async function apply(deps: Deps, known: Known, told: Told): Promise<"applied" | "duplicate" | "stale"> {
	const { receipt } = told;
	const owner = { appId: known.appId, jobId: known.jobId, submissionId: known.submissionId };
	const ground = { kind: "receipt" as const, receipt: { ...receipt, ...owner, outcome: "applied" as const } };
	try {
		if (await act(deps, known, told, ground)) return "applied";
	} catch (e) {
		if (!(e instanceof ConstraintError)) throw e; // a copy of this receipt, or another holder of this id, was committed first
	}
	const [copy] = await deps.db.read(sql.receiptExists.bind(keyOf(told)));
	return copy ? "duplicate" : "stale";
}

async function keep(deps: Deps, known: Known | null, told: Told, verdict: Verdict): Promise<Exclude<Verdict, "apply"> | "duplicate"> {
	const outcome = verdict === "apply" ? "ignored" : verdict;
	const owner = { appId: known?.appId ?? null, jobId: known?.jobId ?? null, submissionId: known?.submissionId ?? null };
	const [inserted] = await deps.db.batch([sql.receiptAlone.bind({ ...told.receipt, ...owner, outcome })]);
	return inserted.length > 0 ? outcome : "duplicate";
}

const keyOf = ({ receipt }: Told) => ({ provider: receipt.provider, account: receipt.accountId, delivery: receipt.deliveryId });

/** Keeps what was authentic but not to be read. */
export async function recordUnreadable(
	deps: Deps,
	receipt: Pick<Receipt, "id" | "provider" | "accountId" | "deliveryId" | "body" | "receivedAt">,
): Promise<void> {
	const nobody = { appId: null, jobId: null, submissionId: null, providerJobId: null };
	await deps.db.batch([sql.receiptAlone.bind({ ...receipt, ...nobody, source: "hook", outcome: "unreadable", type: "unreadable" })]);
}
