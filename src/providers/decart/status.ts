import { z } from "zod";
import type { Http } from "../../core/http.ts";
import type { Account, News, PollOutcome } from "../provider.ts";
import { parse, request, retryAfter, segment } from "./call.ts";

const words = z
	.string()
	.transform((text) => text.replaceAll("\u0000", "\ufffd").slice(0, 2000).toWellFormed())
	.nullish()
	.catch(null);
const Status = z.object({ status: z.string(), error: words, message: words });

export async function poll(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<PollOutcome> {
	const id = segment(providerJobId);
	if (id === null) return { kind: "missing" };
	const answer = await http(request(account, "GET", id));
	if (answer.kind === "failed") return { kind: "failed", reason: answer.reason, retryAfterMs: null };
	const { status, body } = answer;
	if (status === 404) return { kind: "missing" };
	if (status === 401 || status === 403) return { kind: "account_trouble", reason: `http_${status}` };
	const read = Status.safeParse(parse(body));
	if (status === 200 && read.success) return { kind: "answered", news: newsOf(read.data), body };
	return {
		kind: "failed",
		reason: status === 200 ? "unreadable_answer" : `http_${status}`,
		retryAfterMs: retryAfter(answer, account, nowMs),
	};
}

/** A word that is not known never ends a job. Of a failure Decart tells no reason; should it begin to, that is passed on. */
function newsOf({ status, error, message }: z.output<typeof Status>): News | null {
	switch (status.toLowerCase()) {
		case "processing":
			return { state: "processing" };
		case "completed":
			return { state: "completed", resultUrl: null, processingMs: null };
		case "failed":
			return {
				state: "failed",
				code: "provider_failed",
				message: error || message || "Decart reports that the job failed and gives no reason",
			};
		default:
			return null;
	}
}
