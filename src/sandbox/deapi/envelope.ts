import { signDeapi } from "../../core/signature.ts";
import type { HookEvent } from "./knobs.ts";

export interface HookHeaders {
	id: string;
	event: HookEvent;
	body: string;
	nowMs: number;
	secret: string | null;
	sign: "right" | "wrong" | "none";
}

/** Exactly deAPI's header set. Without a secret the signature header is there and empty, as deAPI sends it. */
export function hookHeaders({ id, event, body, nowMs, secret, sign }: HookHeaders): Record<string, string> {
	const timestamp = String(Math.floor(nowMs / 1000));
	const key = sign === "wrong" ? `${secret ?? ""}.not-yours` : secret;
	return {
		"Content-Type": "application/json",
		"User-Agent": "DeAPI-Webhook/1.0",
		"X-DeAPI-Signature": key === null || sign === "none" ? "" : signDeapi(key, timestamp, body),
		"X-DeAPI-Timestamp": timestamp,
		"X-DeAPI-Event": event,
		"X-DeAPI-Delivery-Id": id,
	};
}

/** JSON as PHP's json_encode writes it: slashes and everything beyond ASCII escaped, so that re-serialised bytes do not verify. */
export function phpJson(value: unknown): string {
	return JSON.stringify(value)
		.replaceAll("/", "\\/")
		.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
