import type { Deps } from "../deps.ts";
import { pauseMs } from "../lanes/pause.ts";
import { openCredentials } from "./credentials.ts";
import { settleOurs } from "./ours.ts";
import { send } from "./send.ts";
import { settle } from "./settle.ts";
import type { Claimed } from "./sql.ts";

/** One attempt of a claimed delivery: sign, send, settle attempt row and next state in one batch. */
export async function deliver(deps: Deps, claimed: Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const credentials = openCredentials(deps, claimed, startedAt);
	if (credentials === null) {
		// nothing is sent
		const at = startedAt + pauseMs(claimed.n - 1);
		await settleOurs(deps, claimed, { reason: "secret_sealed", attempt: "secret_sealed", startedAt, durationMs: 0, now: startedAt, at });
		return;
	}
	const { id, eventId, eventType, body, n, url, timeoutMs } = claimed;
	const answer = await send(deps, { eventId, eventType, deliveryId: id, attempt: n, body }, { url, timeoutMs, ...credentials });
	await settle(deps, claimed, answer, startedAt);
}
