import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { loadConfig, SETTINGS } from "../../src/config.ts";

/* There is no container engine where these tests run: what can be told from the files alone is told here. */
const at = (name: string) => path.resolve(import.meta.dirname, "../..", name);
const text = (name: string) => readFileSync(at(name), "utf8");
const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
/** Instructions with their arguments, lines that go on put together. */
const instructions = text("Dockerfile")
	.replace(/\\\n\s*/g, "")
	.split("\n")
	.filter((line) => /^[A-Z]+ /.test(line))
	.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)] as const);
const all = (name: string) => instructions.flatMap(([word, rest]) => (word === name ? [rest] : []));

describe("the Dockerfile", () => {
	it("copies what is there, and what .dockerignore lets through", () => {
		const sources = all("COPY").flatMap((rest) => (rest.startsWith("--from") ? [] : rest.split(" ").slice(0, -1)));
		const through = text(".dockerignore")
			.split("\n")
			.flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
		expect(sources.filter((source) => !existsSync(at(source)))).toEqual([]);
		expect(sources.filter((source) => !through.includes(source))).toEqual([]);
		expect(through).not.toContain(".env");
	});

	it("runs as nobody special, gets its signals itself, and is given settings that exist", () => {
		expect(all("USER")).toEqual(["node"]);
		expect(JSON.parse(all("CMD").at(-1) ?? "")).toEqual(["node", "dist/node.js"]);
		const names = all("ENV").flatMap((rest) => rest.split(" ").map((pair) => pair.split("=")[0] ?? ""));
		expect(names.filter((name) => !known.has(name))).toEqual(["NODE_ENV"]);
	});

	it.each([
		[200, 0],
		[503, 1],
		[null, 1],
	])("is healthy by /readyz alone: %j ends its check with %i", async (status, expected) => {
		const asked: string[] = [];
		const server = createServer((request, response) => {
			asked.push(request.url ?? "");
			response.writeHead(status ?? 500).end();
		}).listen(0, "127.0.0.1");
		await once(server, "listening");
		const { port } = server.address() as AddressInfo;
		onTestFinished(() => void server.close());
		if (status === null) server.close();
		const [health = ""] = all("HEALTHCHECK");
		const [, ...args] = JSON.parse(health.slice(health.indexOf("["))) as string[];
		const [code] = await once(spawn(process.execPath, args, { env: { PORT: String(port) } }), "exit");
		expect([code, asked]).toEqual([expected, status === null ? [] : ["/readyz"]]);
	});
});

describe("compose.yaml", () => {
	const { services, volumes } = parse(text("compose.yaml"));
	const { jobhook, postgres } = services;
	/** What stands in the environment, with every variable given. */
	const given = (value: string) => value.replace(/\$\{\w+:\?[^}]+\}/g, "x".repeat(16)).replace(/\$\{\w+:-\}/g, "");

	it("gives the service settings that exist, on PostgreSQL", () => {
		expect(Object.keys(jobhook.environment).filter((name) => !known.has(name))).toEqual([]);
		const env = Object.entries<string>(jobhook.environment).map(([name, value]) => [name, given(value)]);
		const config = loadConfig({ ...Object.fromEntries(env), JOBHOOK_MASTER_KEY: Buffer.alloc(32).toString("base64") });
		expect(config.database).toMatchObject({ engine: "postgres", name: "postgres://postgres:5432/jobhook" });
	});

	it("has no secret in it, and says how to make each that is missing", () => {
		const values = [...Object.entries<string>(jobhook.environment), ...Object.entries<string>(postgres.environment)];
		const secrets = values.filter(([name]) => /KEY|SECRET|PASSWORD|DATABASE_URL/.test(name)).map(([, value]) => value);
		for (const value of secrets) expect(value).toMatch(/\$\{\w+:(\?[^}]{10,}|-)\}/);
	});

	it("starts the service behind a healthy database, whose data is kept, and gives it the time its stop may take", () => {
		expect(jobhook.depends_on).toEqual({ postgres: { condition: "service_healthy" } });
		expect(postgres.healthcheck.test).toContain("pg_isready");
		expect(postgres.volumes.map((one: string) => one.split(":")[0])).toEqual(Object.keys(volumes));
		const { drainMs, providerDeadlineMs } = loadConfig({});
		expect(Number.parseInt(jobhook.stop_grace_period, 10) * 1000).toBeGreaterThanOrEqual(drainMs + providerDeadlineMs + 5000);
	});
});
