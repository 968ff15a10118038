/** One entry of FastAPI's 422. */
export interface Problem {
	type: string;
	loc: (string | number)[];
	msg: string;
	input: unknown;
	ctx?: Record<string, unknown>;
}

/** What Decart says with nearly every status. */
export function refusal(status: number, detail: string = textOf(status), headers: Record<string, string> = {}): Response {
	return Response.json({ detail }, { status, headers });
}

export const invalid = (problems: readonly Problem[]): Response => Response.json({ detail: problems }, { status: 422 });

/** Of the tokens route, which alone spells it so. */
export const tokenRefusal = (status: number, error: string = textOf(status)): Response => Response.json({ error }, { status });

export const missing = (...loc: Problem["loc"]): Problem => ({ type: "missing", loc, msg: "Field required", input: null });

/** What is said with a status when no handler had a better word. */
export function textOf(status: number): string {
	return texts[status] ?? (status >= 500 ? "Internal Server Error" : status >= 400 ? "Bad Request" : "OK");
}

const texts: Record<number, string> = {
	401: "Invalid API key",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	413: "Too big",
	429: "Too Many Requests",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Gateway Timeout",
};
