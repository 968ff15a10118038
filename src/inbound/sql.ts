import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { receipts } from "../db/schema.ts";

/** The receipt under this delivery id, where it says something else than this one. */
export const otherReceipt = compileSql<{ provider: string; account: string; delivery: string; body: string }, { id: string }>(
	["id"],
	(p) => sql`SELECT id FROM ${receipts}
	WHERE provider = ${p.provider} AND account_id = ${p.account} AND delivery_id = ${p.delivery} AND body <> ${p.body}`,
);
