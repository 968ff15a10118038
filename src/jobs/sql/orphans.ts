import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../../db/compile.ts";
import { receipts, submissions } from "../../db/schema.ts";

interface Orphan {
	[column: string]: string | number;
	id: string;
	provider: string;
	accountId: string;
	deliveryId: string;
	providerJobId: string;
	type: string;
	body: string;
	receivedAt: number;
}

/** Hooks that came ahead of our own record, oldest first. */
const orphans = <Values>(which: (p: Slots<Values>) => SQL) =>
	compileSql<Values, Orphan>(
		["id", "provider", "accountId", "deliveryId", "providerJobId", "type", "body", "receivedAt"],
		(p) => sql`SELECT r.id, r.provider, r.account_id, r.delivery_id, r.provider_job_id, r.type, r.body, r.received_at FROM ${receipts} r
		${which(p)} ORDER BY r.received_at LIMIT 100`,
	);

/** Those whose submission is known by now. */
export const joinableOrphans = orphans<{ since: number }>(
	(p) => sql`JOIN ${submissions} s ON s.provider = r.provider AND s.account_id = r.account_id AND s.provider_job_id = r.provider_job_id
		WHERE r.outcome = 'orphan' AND r.received_at > ${p.since}`,
);
export const orphansOf = orphans<{ provider: string; account: string; providerJob: string }>(
	(p) =>
		sql`WHERE r.outcome = 'orphan' AND r.provider = ${p.provider} AND r.account_id = ${p.account} AND r.provider_job_id = ${p.providerJob}`,
);
