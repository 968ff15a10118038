import { chownSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PostgresServer, startPostgresServer } from "../../src/demo/postgres-server.ts";
import { openPostgres } from "../../src/node/postgres.ts";
import { openThings, put, say, until } from "../support/postgres/things.ts";
import { selfSigned } from "../support/sockets.ts";

let server: PostgresServer;
beforeAll(async () => {
	server = await startPostgresServer();
}, 60_000);
afterAll(() => server.stop());

describe("a server that refuses", () => {
	const SECRET = "s3cr3t-w0rd";
	const asked = async (change: (url: URL) => void, call = say("SELECT 1")) => {
		const url = new URL(server.url);
		change(url);
		const db = openPostgres(url.href, { pool: 1, prepare: true });
		const e = (await db.batch([call]).catch((reason: unknown) => reason)) as Error & {
			code: string;
			cause: { code?: string; message: string };
		};
		await db.close();
		expect(inspect(e, { depth: 10, showHidden: true })).not.toContain(SECRET);
		return `${e.code}: ${e.cause.code ?? e.cause.message}`;
	};
	const as = (user: string) => (url: URL) => Object.assign(url, { username: user, password: SECRET });
	beforeAll(async () => {
		const { plain, close } = await openThings(server.url);
		const [hba] = await plain`SHOW hba_file`;
		await plain.unsafe(
			`COPY (VALUES ('host all guarded 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')) TO '${hba?.["hba_file"]}'`,
		);
		await plain.unsafe(`CREATE ROLE guarded LOGIN PASSWORD 'another'; CREATE ROLE one LOGIN CONNECTION LIMIT 0; CREATE ROLE reader LOGIN;
			ALTER ROLE reader SET default_transaction_read_only = on; GRANT ALL ON things TO reader; SELECT pg_reload_conf()`);
		await close();
	});

	async function overTls(): Promise<void> {
		const { plain, close } = await openThings(server.url);
		const [data] = await plain`SHOW data_directory`;
		for (const [name, text] of Object.entries(selfSigned())) {
			const file = path.join(data?.["data_directory"], `server.${name === "key" ? "key" : "crt"}`);
			writeFileSync(file, text, { mode: 0o600 });
			if (process.getuid?.() === 0) chownSync(file, statSync(data?.["data_directory"]).uid, 0);
		}
		await plain`ALTER SYSTEM SET ssl = on`;
		await plain`SELECT pg_reload_conf()`;
		await until(async () => (await plain`SHOW ssl`)[0]?.["ssl"] === "on");
		await close();
	}

	it.each([
		["a wrong password", as("guarded"), "28P01"],
		["a role that is not there", as("nobody"), "28000"],
		["too many connections", as("one"), "53300"],
		["a database that is not there", (url: URL) => Object.assign(as("postgres")(url), { pathname: "/none" }), "3D000"],
		[
			"a host that is not there",
			(url: URL) => Object.assign(as("postgres")(url), { hostname: "none.invalid" }),
			expect.stringMatching(/^E/),
		],
		["a port where nobody listens", (url: URL) => Object.assign(as("postgres")(url), { port: "1" }), "ECONNREFUSED"],
		["no TLS where TLS is asked for", (url: URL) => Object.assign(as("postgres")(url), { search: "sslmode=require" }), expect.any(String)],
	])("for %s says so, without the password", async (_name, change, code) => {
		const said = await asked(change);
		expect(said.slice(0, 13)).toBe("unavailable: ");
		expect(said.slice(13)).toEqual(code);
	});

	it("to write, as a standby does, or to go on for too long, is unavailable", async () => {
		expect(await asked(as("reader"), put("r"))).toBe("unavailable: 25006");
		const limited = (url: URL) => Object.assign(as("postgres")(url), { search: "statement_timeout=50" });
		expect(await asked(limited, say("SELECT pg_sleep(5)::text"))).toBe("unavailable: 57014");
	});

	it("is left for the next one of a URL that names several", async () => {
		const [host] = new URL(server.url).host.split("/");
		const db = openPostgres(`postgres://postgres@127.0.0.1:1,${host}/postgres`, { pool: 2, prepare: true });
		for (let i = 0; i < 4; i++) expect(await Promise.all([db.read(say("SELECT 1")), db.read(say("SELECT 2"))])).toEqual([[[1]], [[2]]]);
		await db.close();
	});

	it("to be anybody else is heard: over TLS, with a certificate that must be known where the URL says so", async () => {
		await overTls();
		const db = openPostgres(`${server.url}?sslmode=require`, { pool: 1, prepare: true });
		expect(await db.batch([say("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), say("SELECT ?::int", 1)])).toEqual([
			[[true]],
			[[1]],
		]);
		await db.close();
		expect(await asked((url) => Object.assign(url, { search: "sslmode=verify-full" }))).toBe("unavailable: DEPTH_ZERO_SELF_SIGNED_CERT");
	});

	it("is not asked at all where the URL cannot be read, and the password is not repeated", () => {
		for (const url of [`postgres://u:${SECRET}@host:port/db`, `postgres://u:${SECRET}%@host/db`, SECRET]) {
			const e = (() => {
				try {
					openPostgres(url, { pool: 1, prepare: true });
				} catch (reason) {
					return reason;
				}
			})();
			expect(inspect(e, { showHidden: true, depth: 9 })).toContain("postgres://user:password@host");
			expect(inspect(e, { showHidden: true, depth: 9 })).not.toContain(SECRET);
		}
	});
});
