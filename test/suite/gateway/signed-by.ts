import { createHmac } from "node:crypto";
import type { Callback } from "../../support/world.ts";

/** deAPI's scheme, as its documentation has it: hex HMAC-SHA256 of `<unix seconds>.<body>` under the whole secret. */
export function signedBy({ headers, body }: Pick<Callback, "headers" | "body">, secret: string): boolean {
	const header = (name: string) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
	const expected = createHmac("sha256", secret)
		.update(`${header("x-deapi-timestamp")}.${body}`)
		.digest("hex");
	return header("x-deapi-signature") === `sha256=${expected}`;
}
