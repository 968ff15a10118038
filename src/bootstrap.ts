import { DEFAULT_APP, ensureDefaultApp, setCallbackSecret } from "./access/apps.ts";
import { insertRow } from "./db/insert.ts";
import { accounts } from "./db/schema.ts";
import type { Deps } from "./deps.ts";
import { newLane } from "./lanes/lane.ts";
import { defaultAccount, PROVIDERS } from "./providers/index.ts";
import { dispatchLane, pollLane } from "./providers/provider.ts";

const insertAccount = insertRow(accounts, { orIgnore: true });

/** What must stand before the first request: the app `default`, and each configured account with its lanes. Safe to repeat. */
export async function bootstrap(deps: Deps): Promise<{ appId: string }> {
	const { id: appId, created } = await ensureDefaultApp(deps);
	if (deps.config.callbackSecret !== undefined) await setCallbackSecret(deps, appId, deps.config.callbackSecret);
	const now = deps.clock.now();
	for (const provider of Object.values(PROVIDERS)) {
		const account = defaultAccount(deps.config, provider.name);
		if (account === null) continue;
		const lane = { accountId: account.id };
		await deps.db.batch([
			insertAccount.bind({ id: account.id, provider: provider.name, name: account.id.slice(provider.name.length + 1), apiKey: null, webhookSecret: null, createdAt: now }),
			newLane({ ...lane, id: pollLane(account.id), kind: "poll" }),
			...Object.keys(provider.types).map((type) => newLane({ ...lane, id: dispatchLane(account.id, type), kind: "dispatch" })),
		]);
	}
	if (created) deps.log.info({ app: appId, name: DEFAULT_APP }, "app.created");
	return { appId };
}
