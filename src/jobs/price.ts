import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { PROVIDERS } from "../providers/index.ts";
import { accountOf, type Owner } from "./account.ts";
import type { Wish } from "./limits.ts";

/** What a job would cost, USD. No job is made. Throws what the provider has against it, and `unavailable` when it says nothing. */
export async function priceOf(deps: Deps, owner: Owner, wish: Wish): Promise<number> {
	const account = await accountOf(deps, owner, wish.provider);
	const answer = await PROVIDERS[wish.provider]?.price?.(deps.http, account, wish);
	if (answer?.kind === "answered") return answer.value;
	if (answer?.kind === "refused") throw new JobhookError("validation_failed", answer.message, { details: answer.details });
	deps.log.warn({ account: account.id, reason: answer?.reason }, "price.unreadable");
	throw new JobhookError("unavailable", `${wish.provider} does not tell the price now; try again later`);
}
