import { accountsOf } from "../access/accounts.ts";
import { sha256Hex } from "../core/hash.ts";
import { submissionOfToken } from "../core/hook-token.ts";
import { newId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { nudgePoll } from "../jobs/nudge.ts";
import { ownerOf } from "../jobs/owner.ts";
import { type Recorded, record, recordUnreadable } from "../jobs/record.ts";
import { PROVIDERS } from "../providers/index.ts";
import type { Account, HookMessage } from "../providers/provider.ts";
import { type Verified, verifyDeapi } from "./verify.ts";

export interface Hook {
	provider: string;
	/** From the URL; null for the account-wide address. */
	token: string | null;
	signature: string | undefined;
	timestamp: string | undefined;
	body: Uint8Array;
}

export type Received = { status: 200; outcome: Recorded["outcome"] | "unreadable" } | { status: 202 | 401; outcome: Verified };

/**
 * Takes a provider's POST. 200: authentic and durably recorded, whatever it was worth. 401: not authentic, nothing
 * changed but that the job it may be about is polled soon. 202: the account has no secret, so nothing can be proven.
 * Throws `unavailable` when it could not be recorded; the provider sends it again.
 */
export async function receive(deps: Deps, hook: Hook): Promise<Received> {
	const submissionId = hook.token === null ? null : submissionOfToken(deps.secrets, hook.token);
	const now = deps.clock.now();
	const signed = await whoSigned(deps, hook, now);
	if (signed.signers === null) {
		const reason = signed.verified;
		const nudged = submissionId !== null && (await nudgePoll(deps, submissionId));
		deps.log.warn({ provider: hook.provider, submission: submissionId, reason, nudged }, "hook.refused");
		return { status: reason === "no_secret" ? 202 : 401, outcome: reason };
	}
	const recorded = await recordHook(deps, signed.signers, hook, submissionId, now);
	deps.log.info({ provider: hook.provider, submission: submissionId, ...recorded, ms: deps.clock.now() - now }, "hook.recorded");
	return { status: 200, outcome: recorded.outcome };
}

type Signed = { signers: [Account, ...Account[]] } | { signers: null; verified: Verified };

/** The accounts whose secret signed it; where there is none, what was wrong. Keys of one deAPI account share its secret. */
async function whoSigned(deps: Deps, hook: Hook, nowMs: number): Promise<Signed> {
	const { signature, timestamp, body } = hook;
	const accounts = await accountsOf(deps, hook.provider);
	const windowMs = deps.config.signatureWindowMs;
	const tried = accounts.map((account) => {
		const secrets = account.webhookSecrets;
		return { account, verified: verifyDeapi({ signature, timestamp, body, secrets, nowMs, windowMs }) };
	});
	const [first, ...others] = tried.filter(({ verified }) => verified === "authentic").map(({ account }) => account);
	if (first !== undefined) return { signers: [first, ...others] };
	const wrong = tried.find(({ verified }) => verified === "outside_window") ?? tried[0];
	return { signers: null, verified: wrong?.verified ?? "unknown_account" };
}

async function recordHook(deps: Deps, signers: [Account, ...Account[]], hook: Hook, submissionId: string | null, receivedAt: number) {
	const text = decode(hook.body);
	const message = text === null ? null : (PROVIDERS[hook.provider]?.readHook?.(text) ?? null);
	if (text === null || message === null) return keepUnreadable(deps, signers[0], hook, text, receivedAt);
	const { provider } = hook;
	const account = await ownerOf(deps, signers, { provider, submissionId, providerJobId: message.providerJobId });
	const receipt = receiptOf(account, provider, message, text, receivedAt);
	return { delivery: message.deliveryId, event: message.event, ...(await record(deps, { receipt, submissionId, news: message.news })) };
}

const receiptOf = (account: Account, provider: string, message: HookMessage, body: string, receivedAt: number) => ({
	id: newId("rcp", receivedAt),
	provider,
	accountId: account.id,
	deliveryId: message.deliveryId,
	source: "hook" as const,
	providerJobId: message.providerJobId,
	type: message.event,
	body,
	receivedAt,
});

/** Signed, but not a hook as we know it: kept for a person to look at. Refusing it would have it sent ten times over. */
async function keepUnreadable(deps: Deps, account: Account, hook: Hook, text: string | null, receivedAt: number) {
	const body = text ?? Buffer.from(hook.body).toString("base64");
	await recordUnreadable(deps, {
		id: newId("rcp", receivedAt),
		provider: hook.provider,
		accountId: account.id,
		deliveryId: `sha256:${sha256Hex(hook.body)}`,
		body,
		receivedAt,
	});
	return { outcome: "unreadable" as const, jobId: null };
}

function decode(bytes: Uint8Array): string | null {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return null;
	}
}
