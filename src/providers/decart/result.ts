import type { Http } from "../../core/http.ts";
import type { Account, FetchOutcome, Made, Take } from "../provider.ts";
import { request, retryAfter, segment } from "./call.ts";

/** The bytes themselves: there is no link to them. */
export async function fetchResult(
	http: Http,
	account: Account,
	{ providerJobId }: Made,
	take: Take | null,
	nowMs: number,
): Promise<FetchOutcome> {
	if (take === null) return { kind: "failed", reason: "no_text", retryAfterMs: null };
	const call = request(account, "GET", `${segment(providerJobId)}/content`);
	const headers = { ...call.headers, "accept-encoding": "identity" };
	const answer = await http({ ...call, headers, deadlineMs: account.transferDeadlineMs, take });
	if (answer.kind === "failed") return { kind: "failed", reason: answer.reason, retryAfterMs: null };
	if (answer.status === 200) return { kind: "fetched", text: null, resultUrl: null };
	const refused = answer.status === 401 || answer.status === 403;
	return { kind: "failed", reason: `result_http_${answer.status}`, retryAfterMs: retryAfter(answer, account, nowMs), account: refused };
}
