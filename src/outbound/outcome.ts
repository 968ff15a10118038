import type { HttpAnswer } from "../core/http.ts";

/** What an answer means for the delivery and for its endpoint. */
export type Verdict =
	| { kind: "delivered"; reason: "acknowledged" }
	/** Try again. `overload`: the receiver is out of breath. `pauseLane`: and said so for everything we send it. */
	| { kind: "retry"; reason: string; overload: boolean; pauseLane: boolean }
	/** We ended it ourselves: due again at once, and the receiver's budget stays whole. */
	| { kind: "ours"; reason: string }
	/** The receiver wants no more attempts of this delivery, or, `disable`, of anything. */
	| { kind: "stop"; reason: string; disable: boolean };

const TIMEOUTS: readonly string[] = ["timeout", "connect_timeout"];

/** 2xx acknowledges, and nothing else does: a redirect is not followed and counts as a failure. */
export function verdictOf(answer: HttpAnswer): Verdict {
	if (answer.kind === "failed" && answer.reason === "stopped") return { kind: "ours", reason: "stopped" };
	if (answer.kind === "failed")
		return { kind: "retry", reason: answer.reason, overload: TIMEOUTS.includes(answer.reason), pauseLane: false };
	const { status, headers } = answer;
	if (status >= 200 && status < 300) return { kind: "delivered", reason: "acknowledged" };
	const wish = headers["webhook-delivery"]?.trim().toLowerCase();
	if (status === 410 || wish === "disable")
		return { kind: "stop", reason: wish === "disable" ? "receiver_disabled" : "http_410", disable: true };
	if (wish === "abort-message") return { kind: "stop", reason: "receiver_aborted", disable: false };
	return { kind: "retry", reason: `http_${status}`, overload: status === 429, pauseLane: status === 429 || status === 503 };
}
