import type { JobhookError } from "../errors.ts";

/** The answer of a service that does not stand, in the words of all its errors. */
export function refusal({ code, message, status }: JobhookError, requestId: string): Response {
	const headers: Record<string, string> =
		status === 503 ? { "Retry-After": "5", "X-Request-Id": requestId } : { "X-Request-Id": requestId };
	return Response.json({ error: { code, message, request_id: requestId } }, { status, headers });
}
