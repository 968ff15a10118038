import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "../support/launch.ts";
import { scratch } from "../support/process.ts";

/* The built demo on the worker engine: wrangler dev, workerd, D1, a queue and a bucket, all on this machine. */
const DEADLINE_MS = 45_000;

function demo(folder: string) {
	const args = [path.join(ROOT, "dist/demo.js"), "--engine", "worker", "--json"];
	const child = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env["PATH"] ?? "", TMPDIR: folder } });
	onTestFinished(() => void child.kill("SIGTERM"));
	const said = { out: "", err: "" };
	child.stdout.on("data", (chunk) => {
		said.out += chunk;
	});
	child.stderr.on("data", (chunk) => {
		said.err += chunk;
	});
	return { child, said };
}
const codeOf = async (child: ChildProcess) => ((await once(child, "close")) as [number | null])[0];

/** Processes that know of this folder: all that wrangler starts have it in their environment. */
const livingIn = (folder: string) =>
	readdirSync("/proc").filter((pid) => {
		const file = `/proc/${pid}/environ`;
		try {
			return /^\d+$/.test(pid) && readFileSync(file, "latin1").includes(folder);
		} catch {
			return false; // gone meanwhile
		}
	});
const temporary = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("jobhook-"));

it("the demo ends the same way on the worker engine, and leaves nothing running and nothing behind", { timeout: DEADLINE_MS }, async () => {
	const folder = scratch();
	const repository = readdirSync(ROOT);
	const { child, said } = demo(folder);
	const code = await codeOf(child);
	expect(said.err).toBe("");
	const summary = JSON.parse(said.out.trimEnd().split("\n").at(-1) ?? "");
	expect(summary).toMatchObject({ ok: true, verified: { standard_webhooks: true, deapi: true }, duplicate_effects: 0 });
	expect(Object.keys(summary)).toEqual(["ok", "provider", "job_id", "steps", "verified", "duplicate_effects", "artifact"]);
	expect(summary.job_id).toMatch(/^job_[0-9a-f]{32}$/);
	const steps = summary.steps.map((step: { name: string }) => step.name);
	expect(steps).toEqual(expect.arrayContaining(["started", "provider took it", "callbacks verified", "same webhook posted again"]));
	expect(existsSync(path.join(folder, summary.artifact))).toBe(true);
	expect(code).toBe(0);
	expect(livingIn(folder)).toEqual([]);
	expect(temporary(folder)).toEqual([]);
	expect(readdirSync(ROOT)).toEqual(repository);
});

it("a demo that is interrupted takes wrangler and workerd with it; while it ran its secrets stood in one file, for its owner", {
	timeout: DEADLINE_MS,
}, async () => {
	const folder = scratch();
	const { child } = demo(folder);
	for await (const line of createInterface(child.stdout)) if (line.includes("started")) break;
	const running = livingIn(folder);
	expect(running.length).toBeGreaterThan(2);
	const [file = ""] = globSync("jobhook-worker-*/.dev.vars", { cwd: folder }).map((name) => path.join(folder, name));
	expect(statSync(file).mode & 0o777).toBe(0o600);
	const secrets = [...readFileSync(file, "utf8").matchAll(/(?:KEY|SECRET)='(.+)'/g)].map((match) => match[1] ?? "");
	expect(secrets).toHaveLength(5);
	const shown = running.map((pid) => ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1")).join()).join();
	expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
	child.kill("SIGINT");
	expect(await codeOf(child)).toBe(1);
	await expect.poll(() => livingIn(folder)).toEqual([]);
	expect(temporary(folder)).toEqual([]);
});
