import { z } from "zod";
import type { Http, HttpAnswer } from "../../core/http.ts";
import type { Account, Send, SendOutcome } from "../provider.ts";
import { messageOf, parse, request, retryAfter, segment } from "./call.ts";
import { formOf } from "./form.ts";

const Taken = z.object({ job_id: z.string().min(1).max(255) });
/** Turned away at the door: the key, the plan, or the address we were given. */
const MISCONFIGURED = [301, 302, 303, 307, 308, 401, 402, 403, 405];
const REFUSED = [400, 410, 413, 415, 422];

/** The model is in the path alone, an alias as it was given. */
export async function send(http: Http, account: Account, job: Send, nowMs: number): Promise<SendOutcome> {
	const named = new Set(job.files.map(({ field }) => field));
	const texts = Object.entries(job.input).flatMap(([name, value]) => (named.has(name) ? [] : [[name, String(value)] as const]));
	const { contentType, body } = formOf(Object.fromEntries(texts), job.files);
	const model = segment(job.model);
	if (model === null) return { kind: "refused", message: "Decart has no model of this name" };
	const call = request(account, "POST", model);
	const headers = { ...call.headers, "content-type": contentType };
	const answer = await http({ ...call, headers, body, once: true, deadlineMs: deadlineFor(account, body.bytes) });
	if (answer.kind === "response") return readSent(answer, account, job.model, nowMs);
	return answer.before ? { kind: "not_taken", reason: answer.reason, retryAfterMs: null } : { kind: "unknown", reason: answer.reason };
}

/** Bytes a millisecond of the slowest way there that is worth waiting for. */
const SLOWEST = 65;
const deadlineFor = ({ deadlineMs, transferDeadlineMs }: Account, bytes: number): number =>
	Math.max(deadlineMs, Math.min(transferDeadlineMs, deadlineMs + Math.ceil(bytes / SLOWEST)));

function readSent(answer: HttpAnswer & { kind: "response" }, account: Account, model: string, nowMs: number): SendOutcome {
	const { status, body } = answer;
	if (status >= 200 && status < 300) {
		const taken = Taken.safeParse(parse(body));
		return taken.success ? { kind: "accepted", providerJobId: taken.data.job_id } : { kind: "unknown", reason: "no_id_in_answer" };
	}
	if (MISCONFIGURED.includes(status)) return { kind: "account_trouble", reason: `http_${status}` };
	if (status === 429 || status === 503)
		return { kind: "not_taken", reason: `http_${status}`, retryAfterMs: retryAfter(answer, account, nowMs) };
	if (status === 404) return { kind: "refused", message: `Decart answered 404: it may have no model ${model}` };
	if (REFUSED.includes(status)) return { kind: "refused", message: messageOf(body, status) };
	return { kind: "unknown", reason: `http_${status}` };
}
