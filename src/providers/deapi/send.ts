import { z } from "zod";
import type { Http, HttpAnswer } from "../../core/http.ts";
import { retryAfterMs } from "../../core/retry-after.ts";
import type { Account, Send, SendOutcome } from "../provider.ts";
import { Failure, MISCONFIGURED, parse, request } from "./call.ts";
import { TYPES } from "./types.ts";

const Taken = z.object({ data: z.object({ request_id: z.string().min(1).max(255) }) });

export async function send(http: Http, account: Account, job: Send, nowMs: number): Promise<SendOutcome> {
	const type = TYPES[job.type];
	if (type === undefined) return { kind: "refused", message: `this version cannot send the type ${job.type}` };
	const body = { ...type.defaults, ...job.input, model: job.model, ...(job.hookUrl === null ? {} : { webhook_url: job.hookUrl }) };
	const answer = await http({ ...request(account, "POST", type.path), body: JSON.stringify(body), once: true });
	if (answer.kind === "failed") return answer.before ? notTaken(answer.reason) : { kind: "unknown", reason: answer.reason };
	return readSent(answer, account, retryAfterMs(answer.headers["retry-after"], nowMs, account.retryAfterCapMs));
}

function readSent(answer: HttpAnswer & { kind: "response" }, account: Account, retryAfter: number | null): SendOutcome {
	const { status } = answer;
	const json = parse(answer.body);
	if (status >= 200 && status < 300) {
		const taken = Taken.safeParse(json);
		return taken.success ? { kind: "accepted", providerJobId: taken.data.data.request_id } : { kind: "unknown", reason: "no_id_in_answer" };
	}
	const failure = Failure.safeParse(json).data;
	if (failure?.errors?.["balance"]) return { kind: "account_trouble", reason: "insufficient_balance" };
	if (MISCONFIGURED.includes(status)) return { kind: "account_trouble", reason: `http_${status}` };
	if (status === 429 || status === 503 || neverArrived(status, json, account)) return notTaken(`http_${status}`, retryAfter);
	if ([400, 404, 410, 413, 422].includes(status)) return { kind: "refused", message: failure?.message || `deAPI answered ${status}` };
	return { kind: "unknown", reason: `http_${status}` };
}

/** What Cloudflare, in front of deAPI, says of itself to those who accept JSON. deAPI's own errors it passes on as they are. */
const EdgeError = z.object({ cloudflare_error: z.literal(true), error_code: z.number() });
/** Refused, no route, no TLS, no trust, no address: nothing was written. 520, 522 and 524 come after the request, too. */
const NO_WAY_THERE = [521, 523, 525, 526, 1016];
/** It waits so long for the request to be acknowledged, then turns to another origin: that one's refusal says nothing of the first. */
const EDGE_PATIENCE_MS = 90_000;

const neverArrived = (status: number, json: unknown, { deadlineMs }: Account): boolean =>
	status >= 520 && deadlineMs < EDGE_PATIENCE_MS && NO_WAY_THERE.includes(EdgeError.safeParse(json).data?.error_code ?? 0);

const notTaken = (reason: string, retryAfter: number | null = null): SendOutcome => ({
	kind: "not_taken",
	reason,
	retryAfterMs: retryAfter,
});
