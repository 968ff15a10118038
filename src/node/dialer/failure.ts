import { errors } from "undici";
import type { HttpFailure } from "../../core/http.ts";

/** Of undici's SocketErrors those about what came, not about the socket: a 100 or a 101 that nobody asked for. */
const MISBEHAVED: readonly string[] = ["bad response", "bad upgrade"];
/** The parser's words for an end in the middle. */
const EOF = /Invalid EOF state/;

/** What undici says of an exchange that broke, in our words. `headed`: the header block of the answer had come whole. */
export function failureOf(error: unknown, headed: boolean): HttpFailure {
	const { code, message = "" } = error as { code?: string; message?: string };
	if (code === "UND_ERR_HEADERS_OVERFLOW") return "headers_too_large";
	if (error instanceof errors.HTTPParserError) return EOF.test(message) ? "connection_lost" : "invalid_response";
	// in the body it ended too early; in the header block there is a second length, or chunks beside it
	if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return headed ? "connection_lost" : "invalid_response";
	if (code === "UND_ERR_SOCKET") return MISBEHAVED.includes(message) ? "invalid_response" : "connection_lost";
	return code === "ERR_ASSERTION" ? "invalid_response" : "connection_lost"; // a status below 100 is one of undici's assertions
}
