import { ensureAccounts } from "./access/accounts.ts";
import { ensureDefaultApp, setCallbackSecret } from "./access/apps.ts";
import { DEFAULT_APP } from "./core/default-app.ts";
import type { Deps } from "./deps.ts";
import { PROVIDERS } from "./providers/index.ts";

/** What must stand before the first request: the app `default`, and every account with its lanes. Safe to repeat. */
export async function bootstrap(deps: Deps): Promise<{ appId: string }> {
	const { id: appId, created } = await ensureDefaultApp(deps);
	if (deps.config.callbackSecret !== undefined) await setCallbackSecret(deps, appId, deps.config.callbackSecret);
	for (const provider of Object.keys(PROVIDERS)) await ensureAccounts(deps, provider);
	if (created) deps.log.info({ app: appId, name: DEFAULT_APP }, "app.created");
	return { appId };
}
