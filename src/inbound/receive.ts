import { KeptAccounts } from "../access/accounts.ts";
import { sha256Hex } from "../core/hash.ts";
import { submissionOfToken } from "../core/hook-token.ts";
import { newId } from "../core/ids.ts";
import { withoutSecrets } from "../core/redacted.ts";
import { Throttle } from "../core/throttle.ts";
import type { Deps } from "../deps.ts";
import { Nudges } from "../jobs/nudge.ts";
import { ownerOf } from "../jobs/owner.ts";
import { type Recorded, record, recordUnreadable } from "../jobs/record.ts";
import { secretsOf } from "../providers/discreet.ts";
import { defaultAccount, PROVIDERS } from "../providers/index.ts";
import type { Account, HookMessage } from "../providers/provider.ts";
import type { Hook, HookHead } from "./hook.ts";
import { whoSigned } from "./signers.ts";
import { otherReceipt } from "./sql.ts";
import { flawOf, type Verified } from "./verify.ts";

export interface Refused {
	status: 202 | 401;
	outcome: Verified;
	/** False: there have been so many this second that it is only counted. */
	logged: boolean;
}
export type Received = { status: 200; outcome: Recorded["outcome"] | "unreadable" } | Refused;

/** Lines about refused hooks: whoever posts thousands a second fills no disk. */
const LINES = { most: 5, everyMs: 1000 };

/** Takes a provider's POSTs. What proves nothing is refused in memory: no statement, and few log lines. */
export class HookDoor {
	readonly #deps: Deps;
	readonly #accounts: KeptAccounts;
	readonly #nudges: Nudges;
	readonly #lines = new Throttle(LINES);

	constructor(deps: Deps) {
		this.#deps = deps;
		this.#accounts = new KeptAccounts(deps);
		this.#nudges = new Nudges(deps);
	}

	/** What the headers alone show to prove nothing is refused before its body is read; null: read it, and `receive` it. */
	async refuse(head: HookHead): Promise<Refused | null> {
		const { config, clock } = this.#deps;
		const flaw = flawOf({ ...head, nowMs: clock.now(), windowMs: config.signatureWindowMs });
		if (flaw === null) return null;
		// without a secret the answer is 202 no_secret or 401 unknown_account, whatever the signature: `receive` says which
		const first = defaultAccount(config, head.provider) ?? (await this.#accounts.of(head.provider))[0];
		if (first === undefined || first.webhookSecrets.length === 0) return null;
		return this.#refused(head, flaw, "headers");
	}

	/**
	 * 200: authentic and durably recorded, whatever it was worth. 401: not authentic, nothing changed but that the job it may
	 * be about is polled soon. 202: the account has no secret, so nothing can be proven. Throws `unavailable` when it could
	 * not be recorded; the provider sends it again.
	 */
	async receive(hook: Hook): Promise<Received> {
		const now = this.#deps.clock.now();
		const signed = await whoSigned(this.#deps, this.#accounts, hook, now);
		if (signed.signers === null) return this.#refused(hook, signed.verified, "body");
		const submissionId = this.#submissionOf(hook);
		const recorded = await recordHook(this.#deps, signed.signers, hook, submissionId, now);
		const ms = this.#deps.clock.now() - now;
		this.#deps.log.info({ provider: hook.provider, submission: submissionId, ...recorded, ms }, "hook.recorded");
		return { status: 200, outcome: recorded.outcome };
	}

	/** `by`: what showed it. Of a hook that is refused by its headers nobody knows who signed it. */
	async #refused(head: HookHead, reason: Verified, by: "headers" | "body"): Promise<Refused> {
		const { clock, log } = this.#deps;
		const submissionId = this.#submissionOf(head);
		const nudged = submissionId !== null && (await this.#nudges.poll(submissionId));
		const unsaid = this.#lines.pass(clock.now());
		const fields = { provider: head.provider, submission: submissionId, reason, by, nudged };
		if (unsaid !== null) log.warn(unsaid > 0 ? { ...fields, unsaid } : fields, "hook.refused");
		return { status: reason === "no_secret" ? 202 : 401, outcome: reason, logged: unsaid !== null };
	}

	#submissionOf({ token }: HookHead): string | null {
		return token === null ? null : submissionOfToken(this.#deps.secrets, token);
	}
}

async function recordHook(deps: Deps, signers: [Account, ...Account[]], hook: Hook, submissionId: string | null, receivedAt: number) {
	const text = decode(hook.body, signers);
	const message = text === null ? null : (PROVIDERS[hook.provider]?.readHook?.(text) ?? null);
	if (text === null || message === null) return keepUnreadable(deps, signers[0], hook, text, receivedAt);
	const { provider } = hook;
	const account = await ownerOf(deps, signers, { provider, submissionId, providerJobId: message.providerJobId });
	const receipt = receiptOf(account, provider, message, text, receivedAt);
	const recorded = await record(deps, { receipt, submissionId, news: message.news });
	if (recorded.outcome === "duplicate") await tellContradiction(deps, receipt);
	return { delivery: message.deliveryId, event: message.event, ...recorded };
}

/** A copy that is none: the first one stands, and somebody who can sign wanted it otherwise. */
async function tellContradiction(
	{ db, log }: Deps,
	{ provider, accountId: account, deliveryId: delivery, body }: ReturnType<typeof receiptOf>,
) {
	const [first] = await db.read(otherReceipt.bind({ provider, account, delivery, body }));
	if (first !== undefined) log.warn({ provider, account, delivery, first: first.id }, "hook.contradicted");
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

/**
 * Without the signers' own secrets, should it repeat one: it is kept, and what it says is told on. Null: bytes that are no
 * text, or hold a U+0000, which not every engine keeps and no JSON has.
 */
function decode(bytes: Uint8Array, signers: readonly Account[]): string | null {
	try {
		const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		return text.includes("\u0000") ? null : withoutSecrets(text, signers.flatMap(secretsOf));
	} catch {
		return null;
	}
}
