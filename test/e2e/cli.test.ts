import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { jobhook, jsonOf } from "../support/cli.ts";
import { freePort, JOB, ROOT } from "../support/launch.ts";
import { provider, receiver, scratch, service } from "../support/process.ts";

const EVERY: [command: string, args: string[]][] = [
	["apps create", ["shop"]],
	["apps list", []],
	["keys create", []],
	["keys list", []],
	["keys revoke", ["key_00000000000000000000000000000000"]],
	["keys import", ["--provider", "deapi", "--key-stdin"]],
	["secrets rotate", []],
	["jobs list", []],
	["endpoints list", []],
	["endpoints recover", ["ep_00000000000000000000000000000000", "--since", "2026-01-01"]],
	["deliveries list", []],
	["deliveries retry", ["dlv_00000000000000000000000000000000"]],
	["jobs show", ["job_00000000000000000000000000000000"]],
	["jobs timeline", ["job_00000000000000000000000000000000"]],
	["backup", ["copy"]],
];
const PROVIDER_KEY = "a-key-of-the-provider-0123";
const soon = { timeout: 15_000, interval: 50 };
const SECRET = "its-webhook-secret-0123456789";

describe("a command", () => {
	it.each(EVERY)("%s that finds no database refuses in one line, exits 1 and leaves nothing behind", async (command, args) => {
		const cwd = scratch();
		const ran = await jobhook([...command.split(" "), ...args, "--json"], { cwd, input: `${PROVIDER_KEY}\n` });
		const message = `no database at ${path.join(cwd, "data/jobhook.db")}: set DATABASE_URL to the service's, or make one here with \`jobhook migrate\``;
		expect([ran.code, ran.err, jsonOf(ran)]).toEqual([1, `${message}\n`, { ok: false, error: message }]);
		expect(readdirSync(cwd)).toEqual([]);
	});

	it.each([
		["nothing at all", [], "Usage: jobhook"],
		["a command that does not exist", ["keyz"], "error: unknown command 'keyz'"],
		["half a command", ["keys"], "Usage: jobhook keys"],
		["an option that does not exist", ["keys", "list", "--al"], "error: unknown option '--al'"],
		["an argument that is missing", ["apps", "create"], "error: missing required argument 'name'"],
		["an argument too many", ["apps", "list", "all"], "error: too many arguments"],
		["a scope that does not exist", ["keys", "create", "--scopes", "root"], "One or more of submit,read,admin"],
		["a name with a space", ["apps", "create", "two words"], "1 to 64 letters"],
		["a provider that does not exist", ["keys", "import", "--provider", "nobody", "--key-stdin"], "One of deapi"],
		[
			"an account name that is the settings' own",
			["keys", "import", "--provider", "deapi", "--key-stdin", "--name", "default"],
			"not default",
		],
		["no key to import", ["keys", "import", "--provider", "deapi"], "one of --key-stdin and --key-env"],
		["a state that does not exist", ["jobs", "list", "--state", "done"], "Allowed choices are queued, submitted"],
		["an id that is none", ["deliveries", "list", "--job", "x"], "An id, like job_"],
		["a time that is none", ["endpoints", "recover", "ep_00000000000000000000000000000000", "--since", "lately"], "A time, like 2026-"],
		["no time", ["endpoints", "recover", "ep_00000000000000000000000000000000"], "required option '--since <time>'"],
		["a limit that is none", ["keys", "list", "--limit", "0"], "whole number from 1 to 1000"],
	])("used with %s says so, exits 2 and shows no stack", async (_, args, says) => {
		const { code, out, err } = await jobhook(args, { cwd: scratch() });
		expect([code, out]).toEqual([2, ""]);
		expect(err).toContain(says);
		expect(err).not.toMatch(/\n\s+at |node:internal/);
	});

	it.each([["--help"], ["keys", "create", "--help"], ["help"], ["--version"]])(
		"asked for help, %s %s, answers it and exits 0",
		async (...args) => {
			const { code, out } = await jobhook(args.filter(Boolean), { cwd: scratch() });
			expect(code).toBe(0);
			expect(out).toMatch(/Usage: jobhook|^\d+\.\d+\.\d+$/m);
		},
	);

	it("names all bad settings at once, without their values, and exits 1", async () => {
		const { code, err } = await jobhook(["keys", "list"], { cwd: scratch(), env: { PORT: "eighty", JOBHOOK_MASTER_KEY: "c2hvcnQ=" } });
		expect(code).toBe(1);
		expect(err).toMatch(/PORT .*\n.*JOBHOOK_MASTER_KEY /s);
		expect(err).not.toMatch(/eighty|c2hvcnQ/);
	});

	it("runs as bin through a link, from any folder", async () => {
		const bin = path.join(scratch(), "jobhook");
		symlinkSync(path.join(ROOT, "dist/cli.js"), bin);
		const [cwd, env] = [scratch(), { PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}` }];
		const { stdout } = await promisify(execFile)(bin, ["migrate", "--json"], { cwd, env });
		expect(JSON.parse(stdout)).toEqual({ ok: true, database: path.join(cwd, "data/jobhook.db"), applied: expect.any(Number) });
	});
});

describe("a file that is not the database of this version", () => {
	let cwd: string;
	const database = () => path.join(cwd, "data/jobhook.db");
	beforeEach(async () => {
		cwd = scratch();
		expect((await jobhook(["migrate"], { cwd })).code).toBe(0);
	});
	const refused = async () => {
		const { code, err, out } = await jobhook(["keys", "create"], { cwd });
		expect([code, out, err.trimEnd().split("\n").length]).toEqual([1, "", 1]);
		return err;
	};
	const sqlite = async (text: string) => {
		const { default: Database } = await import("better-sqlite3");
		const db = new Database(database());
		db.exec(text);
		db.close();
	};

	it("because it is something else is refused and left as it is", async () => {
		writeFileSync(database(), "a letter, not a database");
		expect(await refused()).toContain("is not a database of jobhook");
		expect(readFileSync(database(), "utf8")).toBe("a letter, not a database");
	});

	it("because it is another program's is refused", async () => {
		await sqlite("DROP TABLE submissions");
		expect(await refused()).toContain("is not a database of jobhook");
	});

	it("because it is older asks for `jobhook migrate`, because it is newer for the version that wrote it", async () => {
		await sqlite("UPDATE __drizzle_migrations SET created_at = created_at - 1");
		expect(await refused()).toContain("jobhook migrate");
		await sqlite("UPDATE __drizzle_migrations SET created_at = created_at + 2");
		expect(await refused()).toContain("is newer than this jobhook");
	});

	it("without its master key is refused: a new one would open nothing", async () => {
		rmSync(path.join(cwd, "data/jobhook.key"));
		expect(await refused()).toContain("no master key at");
		expect(existsSync(path.join(cwd, "data/jobhook.key"))).toBe(false);
	});
});

describe("apps, keys and secrets by command", () => {
	let cwd: string;
	const run = (args: string[], input?: string, env: Record<string, string> = {}) =>
		jobhook([...args, "--json"], { cwd, env, ...(input === undefined ? {} : { input }) });
	beforeEach(async () => {
		cwd = scratch();
		expect((await jobhook(["migrate"], { cwd })).code).toBe(0);
	});

	it("keys create --init makes the database, and the key alone is on standard output", async () => {
		const fresh = scratch();
		const { code, out, err } = await jobhook(["keys", "create", "--init", "--scopes", "submit"], { cwd: fresh });
		expect([code, out]).toEqual([0, expect.stringMatching(/^jh_[\w-]{32}\n$/)]);
		expect(err).toMatch(/^the key key_[0-9a-f]{32} of the app default \(submit\); shown this once:\n$/);
		expect(readFileSync(path.join(fresh, "data/jobhook.db")).includes(out.trim())).toBe(false);
	});

	it("migrate says how much it applied, and nothing the second time", async () => {
		const fresh = scratch();
		const applied = async () => jsonOf<{ applied: number }>(await jobhook(["migrate", "--json"], { cwd: fresh })).applied;
		expect(await applied()).toBeGreaterThan(0);
		expect(await applied()).toBe(0);
	});

	it("apps are made once and listed, as table and as JSON", async () => {
		const made = jsonOf(await run(["apps", "create", "shop"]));
		expect(made).toMatchObject({ name: "shop", callback_secret: expect.stringMatching(/^whsec_/) });
		const again = await run(["apps", "create", "shop"]);
		expect([again.code, again.err]).toEqual([1, "there is an app named shop already\n"]);
		const { data } = jsonOf<{ data: { id: string; name: string }[] }>(await run(["apps", "list"]));
		expect(data.map(({ name }) => name)).toEqual(["shop", "default"]);
		const { out } = await jobhook(["apps", "list"], { cwd });
		expect(out.split("\n").map((line) => line.split(/ +/)[1])).toEqual(["NAME", "shop", "default", undefined]);
	});

	it("keys are made, listed page by page and revoked, of the app that is named", async () => {
		await run(["apps", "create", "shop"]);
		const one = jsonOf<{ id: string }>(await run(["keys", "create", "--app", "shop", "--name", "one", "--scopes", "read,submit"]));
		const two = jsonOf<{ id: string }>(await run(["keys", "create", "--app", "shop", "--name", "two"]));
		expect(one).toMatchObject({ name: "one", scopes: ["read", "submit"], account: null });
		const list = async (...more: string[]) =>
			jsonOf<{ data: { id: string; revoked_at: string | null }[]; next_cursor: string | null }>(
				await run(["keys", "list", "--app", "shop", ...more]),
			);
		const first = await list("--limit", "1");
		const second = await list("--limit", "1", "--cursor", String(first.next_cursor));
		expect([...first.data, ...second.data].map(({ id }) => id)).toEqual([two.id, one.id]);
		const elsewhere = await run(["keys", "revoke", one.id]);
		expect([elsewhere.code, elsewhere.err]).toEqual([1, `the app default has no key ${one.id}\n`]);
		expect((await run(["keys", "revoke", one.id, "--app", "shop"])).code).toBe(0);
		expect((await list()).data.filter((key) => key.revoked_at !== null).map(({ id }) => id)).toEqual([one.id]);
		expect((await run(["keys", "list", "--app", "nobody"])).err).toContain("no app named nobody");
	});

	it("keys import reads key and secret from standard input or the environment, and says neither", async () => {
		const args = ["keys", "import", "--provider", "deapi"];
		const first = await run([...args, "--key-stdin", "--webhook-secret-stdin"], `${PROVIDER_KEY}\n${SECRET}\n`);
		expect([first.code, jsonOf(first)]).toEqual([0, expect.objectContaining({ account: "deapi:imported", scopes: ["submit"] })]);
		const env = { THEIR_KEY: `${PROVIDER_KEY}-2`, THEIR_SECRET: SECRET };
		const second = await run([...args, "--key-env", "THEIR_KEY", "--webhook-secret-env", "THEIR_SECRET", "--name", "second"], "", env);
		expect(jsonOf(second)).toMatchObject({ account: "deapi:second" });
		for (const { out, err } of [first, second]) for (const said of [PROVIDER_KEY, SECRET]) expect(out + err).not.toContain(said);
		const bytes = readdirSync(path.join(cwd, "data")).map((file) => readFileSync(path.join(cwd, "data", file)));
		for (const file of bytes) for (const secret of [PROVIDER_KEY, SECRET]) expect(file.includes(secret)).toBe(false);
	});

	it.each([
		["no line at all", "", "one word of at least 16 characters"],
		["a key that is too short", "short\n", "one word of at least 16 characters"],
		["two words", "a-key-of-the-provider 0123\n", "one word of at least 16 characters"],
		["no second line", `${PROVIDER_KEY}\n`, "the webhook secret is empty"],
	])("keys import given %s says so and writes nothing", async (_, input, says) => {
		const { code, err } = await run(["keys", "import", "--provider", "deapi", "--key-stdin", "--webhook-secret-stdin"], input);
		expect([code, err]).toEqual([1, expect.stringContaining(says)]);
		expect(jsonOf<{ data: unknown[] }>(await run(["keys", "list"])).data).toEqual([]);
	});

	it("secrets rotate shows a new secret once, and refuses where the settings hold it", async () => {
		const one = jsonOf<{ callback_secret: string }>(await run(["secrets", "rotate"]));
		const two = jsonOf<{ callback_secret: string }>(await run(["secrets", "rotate", "--app", "default"]));
		expect(one.callback_secret).not.toBe(two.callback_secret);
		const [none, week] = [
			await run(["secrets", "rotate", "--overlap-hours", "0"]),
			await run(["secrets", "rotate", "--overlap-hours", "168"]),
		];
		expect(jsonOf(none)).toMatchObject({ previous_secrets: [] });
		const { previous_secrets: previous } = jsonOf<{ previous_secrets: { expires_at: string }[] }>(week);
		expect(previous.map(({ expires_at: at }) => Math.round((Date.parse(at) - Date.now()) / 3_600_000))).toEqual([168]);
		const third = await run(["secrets", "rotate", "--overlap-hours", "1"]);
		const fourth = await run(["secrets", "rotate"]);
		expect([third.code, fourth.code, fourth.err]).toEqual([0, 1, expect.stringContaining("an overlap of 0 hours")]);
		expect((await run(["secrets", "rotate", "--overlap-hours", "169"])).code).toBe(2);
		const held = await run(["secrets", "rotate"], "", { JOBHOOK_CALLBACK_SECRET: "x".repeat(32) });
		expect([held.code, held.err]).toEqual([1, expect.stringMatching(/^JOBHOOK_CALLBACK_SECRET holds the secret of the app default.*\n$/)]);
	});
});

describe("beside a running service", () => {
	it("what the command makes opens it at once, what it revokes no more, and jobs are shown with their timeline", async () => {
		const deapi = await provider();
		const running = await service(deapi.env);
		const env = { ...deapi.env, DATABASE_URL: path.join(running.folder, "jobhook.db") };
		const run = (...args: string[]) => jobhook([...args, "--json"], { cwd: scratch(), env });
		const key = jsonOf<{ id: string; key: string }>(await run("keys", "create", "--scopes", "submit"));
		const submit = (used: string) =>
			fetch(`http://127.0.0.1:${running.port}/v1/jobs`, {
				method: "POST",
				headers: { authorization: `Bearer ${used}`, "content-type": "application/json" },
				body: JSON.stringify(JOB),
			});
		const response = await submit(key.key);
		expect(response.status).toBe(202);
		const { id } = (await response.json()) as { id: string };
		expect(jsonOf(await run("jobs", "show", id))).toMatchObject({ id, model: JOB.model });
		expect(jsonOf<{ data: { kind: string }[] }>(await run("jobs", "timeline", id)).data[0]).toMatchObject({
			kind: "job",
			what: "accepted",
		});
		expect(jsonOf<{ data: { id: string }[] }>(await run("jobs", "list", "--type", "txt2img")).data).toMatchObject([
			{ id, type: "txt2img" },
		]);
		expect(jsonOf(await run("jobs", "list", "--type", "txt2music"))).toEqual({ data: [], next_cursor: null });
		const shown = await jobhook(["jobs", "timeline", id], { cwd: scratch(), env });
		expect(shown.out).toMatch(/^AT +KIND +WHAT/);
		expect((await run("jobs", "show", "job_00000000000000000000000000000000")).err).toContain("has no job");
		await run("keys", "revoke", key.id);
		expect((await submit(key.key)).status).toBe(401);
	});

	it("deliveries retry makes one due that the receiver had refused, and the service sends it", async () => {
		const deapi = await provider();
		let answer = 500;
		const hooks = await receiver(() => answer);
		const running = await service({ ...deapi.env, SWEEP_EVERY_S: "1" });
		const env = { ...deapi.env, DATABASE_URL: path.join(running.folder, "jobhook.db") };
		const run = (...args: string[]) => jobhook([...args, "--json"], { cwd: scratch(), env });
		const body = JSON.stringify({ ...JOB, webhook_url: hooks.url, webhook_events: ["job.completed"] });
		const { id } = await running.call<{ id: string }>("/v1/jobs", { method: "POST", body });
		const list = async (status: string) =>
			jsonOf<{ data: { id: string; attempts: number }[] }>(await run("deliveries", "list", "--job", id, "--status", status)).data;
		await vi.waitFor(() => expect(hooks.received.length).toBe(1), soon);
		await vi.waitFor(async () => expect(await list("undelivered")).toMatchObject([{ attempts: 1 }]), soon);
		const [refused] = await list("undelivered");
		answer = 200;
		await vi.waitFor(async () => expect((await run("deliveries", "retry", refused!.id)).code).toBe(0), soon);
		await vi.waitFor(async () => expect(await list("delivered")).toMatchObject([{ id: refused!.id, attempts: 2 }]), soon);
		const again = await run("deliveries", "retry", refused!.id);
		expect([again.code, again.err]).toEqual([1, expect.stringContaining("it was delivered")]);
	});

	it("endpoints recover sends again what an endpoint has not got, and shows how far it is until it is over", async () => {
		const deapi = await provider();
		let answer = 500;
		const hooks = await receiver(() => answer);
		const running = await service({ ...deapi.env, SWEEP_EVERY_S: "1", RETRY_DELAYS_S: "0" });
		const post = <T>(at: string, body: object) => running.call<T>(at, { method: "POST", body: JSON.stringify(body) });
		const { id: endpoint } = await post<{ id: string }>("/v1/endpoints", { url: hooks.url, event_types: ["job.completed"] });
		await Promise.all(Array.from({ length: 3 }, () => post("/v1/jobs", JOB)));
		const count = async (status: string) =>
			(await running.call<{ data: unknown[] }>(`/v1/deliveries?endpoint=${endpoint}&status=${status}`)).data.length;
		await vi.waitFor(async () => expect(await count("exhausted")).toBe(3), soon);
		answer = 200;
		const env = { ...deapi.env, DATABASE_URL: path.join(running.folder, "jobhook.db") };
		const run = (...args: string[]) => jobhook(["endpoints", ...args], { cwd: scratch(), env });
		expect(jsonOf(await run("list", "--json"))).toMatchObject({ data: [{ id: endpoint, state: "enabled", url: hooks.url }] });
		const dry = await run("recover", endpoint, "--since", "2020-01-01", "--dry-run", "--json");
		expect([jsonOf(dry), await count("exhausted")]).toEqual([expect.objectContaining({ endpoint, total: 3 }), 3]);

		const done = await run("recover", endpoint, "--since", "2020-01-01", "--json");
		expect([done.code, jsonOf(done)]).toEqual([0, expect.objectContaining({ state: "finished", total: 3, recovered: 3 })]);
		expect(done.err).toMatch(/^\[#{30}\] 100% 3 of 3 due again\n$/);
		await vi.waitFor(async () => expect(await count("delivered")).toBe(3), soon);
		const shown = await run("recover", endpoint, "--since", "2020-01-01");
		expect([shown.code, shown.out]).toEqual([0, expect.stringMatching(/^id +rec_[0-9a-f]{32}\nendpoint +ep_.*\nstate +finished\n/)]);
		const ahead = await run("recover", endpoint, "--since", "2199-01-01");
		expect([ahead.code, ahead.err]).toEqual([2, expect.stringContaining("--since must be in the past")]);
		const none = await run("recover", "ep_00000000000000000000000000000000", "--since", "2020-01-01");
		expect([none.code, none.err]).toEqual([1, expect.stringContaining("has no endpoint")]);
		await post(`/v1/endpoints/${endpoint}/disable`, {});
		const disabled = await run("recover", endpoint, "--since", "2020-01-01");
		expect([disabled.code, disabled.err]).toEqual([1, expect.stringContaining("enable it first")]);
	});

	it("start on a port that is taken says so in one line and exits 1", async () => {
		const running = await service({});
		const { code, err } = await jobhook(["start"], { cwd: scratch(), env: { PORT: String(running.port), LOG_LEVEL: "silent" } });
		expect([code, err.trimEnd().split("\n").length]).toEqual([1, 1]);
		expect(err).toContain("EADDRINUSE");
	});

	it("start is the service itself: it answers, and stops cleanly at SIGTERM", async () => {
		const [cwd, port] = [scratch(), await freePort()];
		const child = spawn(process.execPath, [path.join(ROOT, "dist/cli.js"), "start"], {
			cwd,
			env: { PORT: String(port), LOG_LEVEL: "silent" },
		});
		const gone = once(child, "exit");
		onTestFinished(() => void child.kill("SIGKILL"));
		await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200), soon);
		child.kill("SIGTERM");
		expect(await gone).toEqual([0, null]);
		expect(readdirSync(path.join(cwd, "data")).toSorted()).toEqual(["jobhook.db", "jobhook.key"]);
	});
});
