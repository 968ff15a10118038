import { z } from "@hono/zod-openapi";

const MOST = 20;
const VALUE_LENGTH = 4096;
const ALL_LENGTH = 8192;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
/** What a header can carry. Blanks around it would be lost on the way. */
const VALUE = /^(?! )[\x20-\x7e]*(?<! )$/;

/** Names in lower case that no endpoint may set, and why. */
const DENIED: readonly [names: RegExp, why: string][] = [
	[
		/^(host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|accept-encoding|proxy-.*|date|user-agent)$/,
		"belongs to the request itself and cannot be set",
	],
	[/^(webhook|x-deapi|jobhook)-/, "begins like the headers that jobhook sets on every callback"],
	[/^(forwarded|x-forwarded-.*|x-real-ip|true-client-ip|via|cdn-loop|cf-.*)$/, "is for proxies in front of the receiver to set"],
];

function objectionTo(name: string, value: string): string | null {
	if (!TOKEN.test(name)) return "must be named with 1 to 64 letters, digits and !#$%&'*+-.^_`|~";
	const denied = DENIED.find(([names]) => names.test(name.toLowerCase()));
	if (denied !== undefined) return denied[1];
	if (value.length > VALUE_LENGTH) return `must have at most ${VALUE_LENGTH} characters`;
	return VALUE.test(value) ? null : "must be printable ASCII in one line, without blanks around it";
}

/** Header fields of every callback. Null takes them away, as `{}` does. No message repeats a value. */
export const StaticHeaders = z
	.record(z.string(), z.string("must be text"), "must be an object of names and values")
	.superRefine((headers, context) => {
		const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
		const entries = Object.entries(headers);
		if (entries.length > MOST) return refuse([], `must have at most ${MOST} names`);
		const seen = new Set<string>();
		for (const [name, value] of entries) {
			const twice = seen.has(name.toLowerCase()) ? "is named twice: upper and lower case are the same" : null;
			seen.add(name.toLowerCase());
			const objection = twice ?? objectionTo(name, value);
			if (objection !== null) refuse([name], objection);
		}
		const length = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
		if (length > ALL_LENGTH) refuse([], `must have at most ${ALL_LENGTH} characters together, names and values`);
	})
	.nullable()
	.openapi({
		type: "object",
		additionalProperties: { type: "string" },
		example: { Authorization: "Bearer …" },
		description: "Sent with every callback, at most 20; kept sealed and never shown again. Replaces all of them; null or {} removes them",
	});
