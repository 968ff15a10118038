import { sql } from "drizzle-orm";
import { compileSql } from "../../src/db/compile.ts";
import { isUnavailable } from "../../src/errors.ts";
import { openSqlite } from "../../src/node/sqlite.ts";

/* Run as a process of its own, whose files may not grow for ever: commits 50 batches, five at a time, and says which it could. */
const db = openSqlite(String(process.argv[2]));
const insert = compileSql<{ id: string; text: string }, never>(
	[],
	(p) => sql`INSERT INTO apps (id, name, callback_secret, created_at) VALUES (${p.id}, ${p.id}, ${p.text}, 1)`,
);
const row = (id: string) => insert.bind({ id, text: "x".repeat(20_000) });
const write = (i: number) =>
	db.batch([row(`${i} a`), row(`${i} b`)]).then(
		() => true,
		(e: unknown) => (isUnavailable(e) ? false : String(e)),
	);
const written: unknown[] = [];
for (let i = 0; i < 50; i += 5) written.push(...(await Promise.all([0, 1, 2, 3, 4].map((j) => write(i + j)))));
console.log(JSON.stringify(written));
