import { z } from "zod";
import type { Http, HttpAnswer } from "../../core/http.ts";
import { retryAfterMs } from "../../core/retry-after.ts";
import type { Account, Allowance, FetchOutcome, Made, News, PollOutcome, Take } from "../provider.ts";
import { reachOf } from "../result-link.ts";
import { parse, request } from "./call.ts";
import { Link } from "./link.ts";

/** A result that is longer stays behind its link. */
const RESULT_KEEP_BYTES = 8 * 1_048_576;
/** The status may carry the result: as JSON text inside JSON it grows, at most to twice its size where it is mostly quotes. */
const STATUS_KEEP_BYTES = 2 * RESULT_KEEP_BYTES;

/** As text. Vectors may come as JSON or as JSON text; what is nested too deep to be written as text again is no answer. */
const Result = z
	.unknown()
	.optional()
	.transform((result, context) => {
		if (typeof result === "string") return result === "" ? null : result;
		if (typeof result !== "object" || result === null) return null;
		try {
			return JSON.stringify(result);
		} catch {
			context.addIssue({ code: "custom", message: "is nested too deep" });
			return z.NEVER;
		}
	});
const Status = z.object({
	data: z.object({ status: z.string(), result_url: Link, result: Result }),
});
type Said = z.output<typeof Status>["data"];

/** A question that brought no answer; a 404 is one. */
type Unanswered = Exclude<PollOutcome, { kind: "answered" }>;
type Asked = Unanswered | { kind: "answered"; said: Said; body: string; allowance: Allowance };

export async function poll(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<PollOutcome> {
	const answer = await ask(http, account, providerJobId, nowMs);
	if (answer.kind !== "answered") return answer;
	const { said, body, allowance } = answer;
	return { kind: "answered", news: newsOf(said), body, allowance };
}

/** A link that was told is tried first: that costs no question. One that has aged is refused, and a fresh one asked for. */
export async function fetchResult(http: Http, account: Account, made: Made, take: Take | null, nowMs: number): Promise<FetchOutcome> {
	if (take !== null && made.link !== null) {
		const outcome = await downloadFile(http, account, made.link, take, nowMs);
		if (outcome.kind === "fetched" || !/^result_http_4/.test(outcome.reason)) return outcome;
	}
	const answer = await ask(http, account, made.providerJobId, nowMs);
	const { allowance = NO_WORD } = answer;
	return { ...(await read(http, account, answer, take, nowMs)), allowance };
}

const NO_WORD: Allowance = { perMinute: null, leftToday: null };

/** The status tells the text or a fresh link to it. */
async function read(http: Http, account: Account, answer: Asked, take: Take | null, nowMs: number): Promise<FetchOutcome> {
	if (answer.kind === "missing") return failed("http_404");
	if (answer.kind === "account_trouble") return { ...failed(answer.reason), account: true };
	if (answer.kind === "failed") return failed(answer.reason, answer.retryAfterMs);
	const { result: text, result_url: link } = answer.said;
	if (take !== null) return link ? downloadFile(http, account, link, take, nowMs) : failed("no_result_yet");
	if (text !== null) return fetched(link && text.length > RESULT_KEEP_BYTES ? null : text, link ?? null);
	return link ? download(http, account, link, nowMs) : failed("no_result_yet");
}

/** It needs no key. */
const linked = (account: Account, url: string) => {
	const headers = { accept: "*/*", "accept-encoding": "identity", "user-agent": "jobhook/0.1" };
	return { method: "GET" as const, url, headers, reach: reachOf(account, url) };
};

async function downloadFile(http: Http, account: Account, url: string, take: Take, nowMs: number): Promise<FetchOutcome> {
	const answer = await http({ ...linked(account, url), deadlineMs: account.transferDeadlineMs, keepBytes: 0, take });
	if (answer.kind === "failed") return { ...failed(answer.reason), resultUrl: url };
	if (answer.status !== 200) return { ...failed(`result_http_${answer.status}`, retryAfter(answer, account, nowMs)), resultUrl: url };
	return fetched(null, url);
}

async function download(http: Http, account: Account, url: string, nowMs: number): Promise<FetchOutcome> {
	const answer = await http({ ...linked(account, url), deadlineMs: account.deadlineMs, keepBytes: RESULT_KEEP_BYTES });
	if (answer.kind === "failed") return failed(answer.reason);
	if (answer.status !== 200) return failed(`result_http_${answer.status}`, retryAfter(answer, account, nowMs));
	return fetched(answer.truncated ? null : answer.body, url);
}

async function ask(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<Asked> {
	const answer = await http(request(account, "GET", `request-status/${encodeURIComponent(providerJobId)}`, STATUS_KEEP_BYTES));
	if (answer.kind === "failed") return failed(answer.reason);
	const { status } = answer;
	const allowance = allowanceOf(answer.headers);
	if (status === 404) return { kind: "missing", allowance };
	if (status === 401 || status === 403) return { kind: "account_trouble", reason: `http_${status}` };
	const read = Status.safeParse(parse(answer.body));
	if (status === 200 && read.success) return { kind: "answered", said: read.data.data, body: answer.body, allowance };
	return { ...failed(status === 200 ? "unreadable_answer" : `http_${status}`, retryAfter(answer, account, nowMs)), allowance };
}

/** deAPI says in every answer what the plan allows this route. */
function allowanceOf(headers: Record<string, string>): Allowance {
	const numberOf = (name: string) => (/^\d{1,9}$/.test(headers[name] ?? "") ? Number(headers[name]) : null);
	return { perMinute: numberOf("x-ratelimit-limit") || null, leftToday: numberOf("x-ratelimit-daily-remaining") };
}

/** A word that is not known never ends a job. deAPI says the first of each; clients and older pages of its know the others. */
function newsOf({ status, result, result_url: link }: Said): News | null {
	switch (status.toLowerCase()) {
		case "processing":
		case "in_progress":
		case "running":
			return { state: "processing" };
		case "done":
		case "completed":
		case "success":
			// without a link or a text it is not done yet
			if (!link && result === null) return { state: "processing" };
			return { state: "completed", resultUrl: link || null, processingMs: null };
		case "error":
		case "failed":
			return { state: "failed", code: "provider_failed", message: "deAPI reports that the job failed and gives no reason" };
		default:
			return null;
	}
}

const retryAfter = (answer: HttpAnswer & { kind: "response" }, account: Account, nowMs: number) =>
	retryAfterMs(answer.headers["retry-after"], nowMs, account.retryAfterCapMs);
const failed = (reason: string, retryAfterMs: number | null = null) => ({ kind: "failed" as const, reason, retryAfterMs });
const fetched = (text: string | null, resultUrl: string | null) => ({
	kind: "fetched" as const,
	text: text?.replaceAll("\u0000", "\ufffd") ?? null,
	resultUrl,
});
