import postgres from "postgres";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { fullRun } from "../support/leaks/run.ts";
import { type Haystack, inLines, Vault } from "../support/leaks/vault.ts";
import { newDatabase } from "../support/postgres/database.ts";

describe.skipIf(inject("postgresUrl") === null)("in a full run of the service, on PostgreSQL,", { timeout: 60_000 }, () => {
	it("no secret is in a log, an answer, a command's words or a row, nor the database's own password", async () => {
		const plain = await newDatabase();
		const name = new URL(plain).pathname.slice(1);
		const vault = new Vault();
		const password = vault.add("the password in DATABASE_URL", `hunter2-${crypto.randomUUID()}`);
		vault.use("the password in DATABASE_URL"); // the tests' server trusts everybody
		const [inside, outside] = [plain, plain.replace(/[^/]*$/, "postgres")].map((url) => postgres(url, { max: 1, onnotice: () => {} })) as [
			postgres.Sql,
			postgres.Sql,
		];
		onTestFinished(async () => void (await Promise.all([inside.end({ timeout: 1 }), outside.end({ timeout: 1 })])));
		const heap = await fullRun(
			{
				url: plain.replace(/\/\/[^@]*@/, `//postgres:${password}@`),
				everyCommand: false,
				copy: "",
				refuseDescriptions: "ALTER TABLE endpoints ADD CONSTRAINT refusing CHECK (description IS NULL)",
				sql: async (text) => void (await inside.unsafe(text)),
				async down() {
					await outside.unsafe(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
					await outside`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name}`;
				},
				up: async () => void (await outside.unsafe(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`)),
				async dump() {
					const tables = await inside<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`;
					const texts = tables.map(async ({ name }): Promise<Haystack> => {
						const rows = await inside.unsafe<{ row: string }[]>(`SELECT row_to_json(t)::text AS row FROM "${name}" t`);
						return { where: "database", what: `table ${name}`, bytes: Buffer.from(rows.map(({ row }) => row).join("\n")) };
					});
					return Promise.all(texts);
				},
			},
			vault,
		);
		expect(vault.unused()).toEqual([]);
		expect(inLines(vault.leaksIn(heap))).toEqual([]);
		const filled = heap.filter(({ where, bytes }) => where === "database" && bytes.length > 0).map(({ what }) => what);
		expect(filled).toEqual(expect.arrayContaining(["table accounts", "table attempts", "table endpoints", "table jobs", "table receipts"]));
	});
});
