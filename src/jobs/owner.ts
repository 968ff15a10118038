import type { Deps } from "../deps.ts";
import type { Account } from "../providers/provider.ts";
import { knownByProviderJob, knownBySubmission } from "./sql/finish.ts";

/**
 * Of several accounts that share a webhook secret the one a hook is about: the submission's own, else the one that knows
 * the provider's id, else the first.
 */
export async function ownerOf(
	deps: Pick<Deps, "db">,
	signers: readonly [Account, ...Account[]],
	about: { provider: string; submissionId: string | null; providerJobId: string },
): Promise<Account> {
	const [first, ...others] = signers;
	if (others.length === 0) return first;
	const told = about.providerJobId;
	if (about.submissionId !== null) {
		const [known] = await deps.db.read(knownBySubmission.bind({ submission: about.submissionId, told }));
		return signers.find(({ id }) => id === known?.accountId) ?? first;
	}
	for (const signer of signers) {
		const known = await deps.db.read(knownByProviderJob.bind({ provider: about.provider, account: signer.id, told }));
		if (known.length > 0) return signer;
	}
	return first;
}
