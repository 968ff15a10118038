import type { JobhookError } from "../errors.ts";
import { answerOf } from "../http/errors.ts";

/** The answer of a service that does not stand. */
export function refusal(error: JobhookError, requestId: string): Response {
	const { headers, body } = answerOf(error, requestId);
	return Response.json(body, { status: error.status, headers: { ...headers, "X-Request-Id": requestId } });
}
