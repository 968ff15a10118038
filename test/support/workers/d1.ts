import { env } from "cloudflare:workers";
import { getTableName } from "drizzle-orm";
import type { Db } from "../../../src/db/db.ts";
import * as schema from "../../../src/db/schema.ts";
import { openD1 } from "../../../src/worker/d1.ts";

/** One database for a whole file: every test begins by emptying it. */
export async function emptyD1(): Promise<Db> {
	await env.DB.batch(Object.values(schema).map((table) => env.DB.prepare(`DELETE FROM ${getTableName(table)}`)));
	return openD1(env.DB);
}
