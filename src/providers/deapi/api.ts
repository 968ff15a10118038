import { z } from "zod";
import type { Http, HttpAnswer, HttpRequest } from "../../core/http.ts";
import { retryAfterMs } from "../../core/retry-after.ts";
import type { Account, News, PollOutcome, Send, SendOutcome } from "../provider.ts";
import { TYPES } from "./types.ts";

const KEEP_BYTES = 1_048_576;

/** Turned away at the door: the key, the plan, or the address we were given. */
const MISCONFIGURED = [301, 302, 303, 307, 308, 401, 402, 403, 405, 415];

const Taken = z.object({ data: z.object({ request_id: z.string().min(1).max(255) }) });
const Status = z.object({ data: z.object({ status: z.string(), result_url: z.string().nullish() }) });
const Failure = z.object({ message: z.string().catch(""), errors: z.record(z.string(), z.array(z.string())).optional().catch(undefined) });

export async function send(http: Http, account: Account, job: Send, nowMs: number): Promise<SendOutcome> {
	const path = TYPES[job.type]?.path;
	if (path === undefined) return { kind: "refused", message: `this version cannot send the type ${job.type}` };
	const body = { seed: -1, ...job.input, model: job.model, ...(job.hookUrl === null ? {} : { webhook_url: job.hookUrl }) };
	const answer = await http({ ...request(account, "POST", path), body: JSON.stringify(body), once: true });
	if (answer.kind === "failed") return answer.before ? notTaken(answer.reason) : { kind: "unknown", reason: answer.reason };
	return readSent(answer, retryAfterMs(answer.headers["retry-after"], nowMs, account.retryAfterCapMs));
}

function readSent(answer: HttpAnswer & { kind: "response" }, retryAfter: number | null): SendOutcome {
	const { status } = answer;
	const json = parse(answer.body);
	if (status >= 200 && status < 300) {
		const taken = Taken.safeParse(json);
		return taken.success ? { kind: "accepted", providerJobId: taken.data.data.request_id } : { kind: "unknown", reason: "no_id_in_answer" };
	}
	const failure = Failure.safeParse(json).data;
	if (failure?.errors?.["balance"]) return { kind: "account_trouble", reason: "insufficient_balance" };
	if (MISCONFIGURED.includes(status)) return { kind: "account_trouble", reason: `http_${status}` };
	if (status === 429 || status === 503) return notTaken(`http_${status}`, retryAfter);
	if ([400, 404, 410, 413, 422].includes(status)) return { kind: "refused", message: failure?.message || `deAPI answered ${status}` };
	return { kind: "unknown", reason: `http_${status}` };
}

const notTaken = (reason: string, retryAfter: number | null = null): SendOutcome => ({
	kind: "not_taken",
	reason,
	retryAfterMs: retryAfter,
});

export async function poll(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<PollOutcome> {
	const answer = await http(request(account, "GET", `request-status/${encodeURIComponent(providerJobId)}`));
	if (answer.kind === "failed") return { kind: "failed", reason: answer.reason, retryAfterMs: null };
	const { status } = answer;
	if (status === 404) return { kind: "missing" };
	if (status === 401 || status === 403) return { kind: "account_trouble", reason: `http_${status}` };
	const read = Status.safeParse(parse(answer.body));
	if (status === 200 && read.success) return { kind: "answered", news: newsOf(read.data.data), body: answer.body };
	const retryAfter = retryAfterMs(answer.headers["retry-after"], nowMs, account.retryAfterCapMs);
	return { kind: "failed", reason: status === 200 ? "unreadable_answer" : `http_${status}`, retryAfterMs: retryAfter };
}

/** A word that is not known never ends a job. deAPI says the first of each; clients and older pages of its know the others. */
function newsOf(status: { status: string; result_url?: string | null | undefined }): News | null {
	switch (status.status.toLowerCase()) {
		case "processing":
		case "in_progress":
		case "running":
			return { state: "processing" };
		case "done":
		case "completed":
		case "success":
			// without a link it is not done yet
			return status.result_url ? { state: "completed", resultUrl: status.result_url, processingMs: null } : { state: "processing" };
		case "error":
		case "failed":
			return { state: "failed", code: "provider_failed", message: "deAPI reports that the job failed and gives no reason" };
		default:
			return null;
	}
}

const request = (account: Account, method: HttpRequest["method"], path: string): HttpRequest => ({
	method,
	url: `${account.baseUrl}/api/v1/client/${path}`,
	headers: {
		authorization: `Bearer ${account.apiKey}`,
		accept: "application/json",
		"user-agent": "jobhook/0.1", // deAPI's edge turns away clients that name themselves after a library
		...(method === "POST" ? { "content-type": "application/json" } : {}),
	},
	deadlineMs: account.deadlineMs,
	keepBytes: KEEP_BYTES,
	reach: "operator",
});

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
