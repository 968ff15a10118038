import { z } from "zod";
import type { HttpAnswer, HttpRequest } from "../../core/http.ts";
import type { Detail } from "../../errors.ts";
import type { Account, Asked } from "../provider.ts";

export const KEEP_BYTES = 1_048_576;

/** Turned away at the door: the key, the plan, or the address we were given. */
export const MISCONFIGURED: readonly number[] = [301, 302, 303, 307, 308, 401, 402, 403, 405, 415];

export const Failure = z.object({
	message: z.string().catch(""),
	errors: z.record(z.string(), z.array(z.string())).optional().catch(undefined),
});

/** A call of deAPI's client API. */
export const request = (account: Account, method: HttpRequest["method"], path: string, keepBytes = KEEP_BYTES): HttpRequest => ({
	method,
	url: `${account.baseUrl}/api/v1/client/${path}`,
	headers: {
		authorization: `Bearer ${account.apiKey}`,
		accept: "application/json",
		"user-agent": "jobhook/0.1", // deAPI's edge turns away clients that name themselves after a library
		...(method === "POST" ? { "content-type": "application/json" } : {}),
	},
	deadlineMs: account.deadlineMs,
	keepBytes,
	reach: "operator",
});

/** Null when it is not JSON. */
export function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** An answer to a question that makes no job and changes nothing. */
export function asked<T>(answer: HttpAnswer, schema: z.ZodType<T>): Asked<T> {
	if (answer.kind === "failed") return answer;
	const { status } = answer;
	const json = parse(answer.body);
	const read = schema.safeParse(json);
	if (status === 200) return read.success ? { kind: "answered", value: read.data } : { kind: "failed", reason: "unreadable_answer" };
	if (status !== 400 && status !== 422) return { kind: "failed", reason: `http_${status}` };
	const { message = "", errors = {} } = Failure.safeParse(json).data ?? {};
	return { kind: "refused", message: message || `deAPI answered ${status}`, details: Object.entries(errors).flatMap(detailsOf) };
}

/** deAPI's field names are the input's own, but for the model. */
const detailsOf = ([name, texts]: [string, string[]]): Detail[] => {
	const field = name === "model" ? name : `input.${name}`;
	return texts.map((message) => ({ field, message }));
};
