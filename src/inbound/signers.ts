import type { KeptAccounts } from "../access/accounts.ts";
import type { Deps } from "../deps.ts";
import type { Account } from "../providers/provider.ts";
import type { Hook } from "./hook.ts";
import { type Verified, verifyDeapi } from "./verify.ts";

export type Signed = { signers: [Account, ...Account[]] } | { signers: null; verified: Verified };

/**
 * The accounts whose secret signed it; where there is none, what was wrong. Keys of one deAPI account share its secret,
 * which is tried once: hashing a large body is what a forged hook costs. The accounts in memory turn strangers away, and one
 * that was made meanwhile is looked for at most once a second; whose an authentic hook is, they are asked for as they are now.
 */
export async function whoSigned(deps: Deps, kept: KeptAccounts, hook: Hook, nowMs: number): Promise<Signed> {
	const tried = new Map<string, Verified>();
	const { signature, timestamp, body } = hook;
	const verify = (secret: string): Verified => {
		const known = tried.get(secret);
		if (known !== undefined) return known;
		const windowMs = deps.config.signatureWindowMs;
		const verified = verifyDeapi({ signature, timestamp, body, secrets: [secret], nowMs, windowMs });
		tried.set(secret, verified);
		return verified;
	};
	const signed = among(await kept.of(hook.provider), verify);
	const fresh = signed.signers === null ? await kept.readAgain(hook.provider) : await kept.read(hook.provider);
	return fresh === null ? signed : among(fresh, verify);
}

function among(accounts: readonly Account[], verify: (secret: string) => Verified): Signed {
	const verdicts = accounts.map(({ webhookSecrets }) => {
		const each = webhookSecrets.map(verify);
		return each.find((verified) => verified === "authentic") ?? each[0] ?? "no_secret";
	});
	const [first, ...others] = accounts.filter((_, i) => verdicts[i] === "authentic");
	if (first !== undefined) return { signers: [first, ...others] };
	return { signers: null, verified: verdicts.find((verified) => verified === "outside_window") ?? verdicts[0] ?? "unknown_account" };
}
