import type { Deps } from "../deps.ts";
import type { Claimed } from "./sql.ts";

/** Whose secret signs: the endpoint's; for the job's own URL the one it brought, else the app's. Null: it does not open. */
export function openSecret(deps: Deps, { target, appId, jobId, ...secrets }: Claimed): string | null {
	const { endpointSecret, jobSecret, appSecret } = secrets;
	try {
		if (endpointSecret !== null)
			return deps.secrets.open(endpointSecret, { table: "endpoints", column: "secret", row: target, app: appId });
		if (jobSecret !== null) return deps.secrets.open(jobSecret, { table: "jobs", column: "webhook_secret", row: jobId, app: appId });
		return deps.secrets.open(appSecret, { table: "apps", column: "callback_secret", row: appId, app: appId });
	} catch (e) {
		deps.log.error({ delivery: secrets.id, err: e }, "secret.sealed");
		return null;
	}
}
