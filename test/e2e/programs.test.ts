import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../support/launch.ts";
import { scratch, service } from "../support/process.ts";

async function run(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
	const child = spawn(process.execPath, args, { cwd: options.cwd ?? ROOT, env: { PATH: process.env["PATH"] ?? "", ...options.env } });
	let [out, err] = ["", ""];
	child.stdout.on("data", (chunk) => {
		out += chunk;
	});
	child.stderr.on("data", (chunk) => {
		err += chunk;
	});
	const [code] = (await once(child, "close")) as [number | null];
	return { code, out, err };
}
const dist = (name: string) => path.join(ROOT, "dist", name);

it("the demo walks one job end to end and ends with a summary in one line", async () => {
	const cwd = scratch();
	const { code, out } = await run([dist("demo.js"), "--json"], { cwd });
	const summary = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
	expect(summary).toMatchObject({ ok: true, verified: { standard_webhooks: true, deapi: true }, duplicate_effects: 0 });
	expect(summary.job_id).toMatch(/^job_[0-9a-f]{32}$/);
	expect(summary.steps.map((step: { name: string }) => step.name)).toContain("same webhook posted again");
	const png = readFileSync(path.join(cwd, summary.artifact));
	expect(png.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
	expect(code).toBe(0);
});

it("the demo for Decart carries a video along, is told by polls alone, and reads the result in a range", async () => {
	const cwd = scratch();
	const { code, out } = await run([dist("demo.js"), "--json", "--provider", "decart"], { cwd });
	const summary = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
	expect(summary).toMatchObject({ ok: true, provider: "decart", verified: { standard_webhooks: true, deapi: true } });
	const steps = summary.steps.map((step: { name: string }) => step.name);
	expect(steps).toContain("a part of it read");
	expect(steps).not.toContain("provider's webhook verified");
	expect(readFileSync(path.join(cwd, summary.artifact)).subarray(4, 8).toString()).toBe("ftyp");
	expect(code).toBe(0);
});

it("a demo on an engine that does not exist names those that do, and exits 2", async () => {
	const { code, out, err } = await run([dist("demo.js"), "--engine", "mysql"], { cwd: scratch() });
	expect({ code, out, err }).toEqual({ code: 2, out: "", err: "unknown engine: mysql; one of sqlite, postgres, worker\n" });
});

it("an older Node gets one clear line instead of a crash", async () => {
	const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
	const { code, err } = await run([
		"--import",
		`data:text/javascript,${encodeURIComponent(older)}`,
		path.join(ROOT, "src/launch.mjs"),
		"demo",
	]);
	expect(err.trim().split("\n")).toEqual([expect.stringContaining("jobhook needs Node 22.19 or newer")]);
	expect(code).toBe(1);
});

it("a start with bad settings names all of them in one message, without their values, and exits 1", async () => {
	const { code, err } = await run([dist("node.js")], {
		cwd: scratch(),
		env: { PORT: "eighty", JOBHOOK_MASTER_KEY: "c2hvcnQ=", RETRY_DELAYS_S: "soon" },
	});
	expect(err).toContain("PORT ");
	expect(err).toContain("JOBHOOK_MASTER_KEY ");
	expect(err).toContain("RETRY_DELAYS_S ");
	expect(err).not.toMatch(/eighty|c2hvcnQ|soon/);
	expect(code).toBe(1);
});

it("a key made by the command opens the running service, and only its hash is in the file", async () => {
	const jobhook = await service();
	const env = { DATABASE_URL: path.join(jobhook.folder, "jobhook.db") };
	const { code, out } = await run([dist("cli.js"), "keys", "create", "--name", "laptop"], { env });
	const key = out.trim();
	expect(code).toBe(0);
	const job = "/v1/jobs/job_00000000000000000000000000000000";
	const status = async (used: string) => (await fetch(`http://127.0.0.1:${jobhook.port}${job}`, { headers: { "x-api-key": used } })).status;
	expect(await status(key)).toBe(404);
	expect(await status(`${key}x`)).toBe(401);
	await jobhook.signal("SIGTERM"); // folds the write-ahead log into the file
	expect(readFileSync(env.DATABASE_URL).includes(key)).toBe(false);
});

it("without a master key the first start makes one beside the database, for its owner alone", async () => {
	const jobhook = await service();
	const file = path.join(jobhook.folder, "jobhook.key");
	expect(existsSync(file)).toBe(true);
	expect(statSync(file).mode & 0o777).toBe(0o600);
});
