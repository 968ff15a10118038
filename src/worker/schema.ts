import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { MIGRATIONS } from "../db/migrations.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";

/** What `wrangler d1 migrations apply` has noted. */
const applied = compileSql<unknown, { name: string }>(["name"], () => sql`SELECT name FROM d1_migrations`);
const COMMAND = "npx wrangler d1 migrations apply DB --remote";

/** Throws `unavailable`, with the command that helps, where the database lacks a migration of this code. */
export async function isMigrated({ db, log }: Pick<Deps, "db" | "log">): Promise<void> {
	const done = await db.read(applied.bind({})).catch((e: unknown) => {
		if (/no such table/.test(String(e))) return [];
		throw e;
	});
	const names = new Set(done.map(({ name }) => name.replace(/\.sql$/, "")));
	const missing = MIGRATIONS.filter((name) => !names.has(name));
	if (missing.length > 0) throw new JobhookError("unavailable", `the database lacks ${missing.join(", ")}: run \`${COMMAND}\``);
	// a newer one only adds to what this code knows: a version that is rolled back goes on
	const unknown = [...names].filter((name) => !MIGRATIONS.includes(name));
	if (unknown.length > 0) log.warn({ unknown }, "database.newer");
}
