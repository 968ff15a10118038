import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { type Detail, JobhookError } from "../errors.ts";

const UNAVAILABLE_RETRY_S = 2;

/** What any thrown thing means to a client. Only our own errors keep their message. */
export function asJobhookError(e: unknown): JobhookError {
	if (e instanceof JobhookError) return e;
	if (e instanceof HTTPException && e.status === 415)
		return new JobhookError("unsupported_media_type", "send JSON with Content-Type: application/json", { cause: e });
	if (e instanceof HTTPException && e.status === 400)
		return new JobhookError("invalid_request", "the body is not valid JSON", { cause: e });
	return new JobhookError("internal", "something broke on our side; the request id finds it in the log", { cause: e });
}

/** Nobody reads the answer any more, and nothing of ours broke. */
export const goneClient = (): JobhookError => new JobhookError("invalid_request", "the client left before its request was complete");

export function errorResponse(c: Context, error: JobhookError, requestId: string): Response {
	const { headers, body } = answerOf(error, requestId);
	for (const [name, value] of Object.entries({ "Cache-Control": "no-store", ...headers })) c.header(name, value);
	return c.json(body, error.status);
}

/** An error as every native route answers it. */
export function answerOf(error: JobhookError, requestId: string) {
	const { code, message, details } = error;
	const headers: Record<string, string> = {};
	const retryAfterS = error.retryAfterS ?? (code === "unavailable" ? UNAVAILABLE_RETRY_S : null);
	if (retryAfterS !== null) headers["Retry-After"] = String(retryAfterS);
	if (code === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="jobhook"';
	return { headers, body: { error: { code, message, request_id: requestId, ...(details.length > 0 ? { details } : {}) } } };
}

/** zod's issues as `{ field, message }`, with the path of the field as a client wrote it. */
export function detailsOf(error: z.core.$ZodError): Detail[] {
	return error.issues.flatMap((issue): Detail[] => {
		const field = issue.path.join(".");
		if (issue.code !== "unrecognized_keys") return [{ field: field || "body", message: issue.message }];
		return issue.keys.map((key) => ({ field: field ? `${field}.${key}` : key, message: "is not a field of this request" }));
	});
}

/** The first twenty, however much was wrong. */
export function validationFailed(all: Detail[]): JobhookError {
	const details = all.slice(0, 20);
	return new JobhookError("validation_failed", details.map(({ field, message }) => `${field}: ${message}`).join("; "), { details });
}
