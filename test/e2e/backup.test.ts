import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { signedBy } from "../suite/gateway/signed-by.ts";
import { jobhook, jsonOf } from "../support/cli.ts";
import { JOB } from "../support/launch.ts";
import { provider, receiver, scratch, service } from "../support/process.ts";

const SECRET = "the-callback-secret-of-this-app-0123456789";
const soon = { timeout: 20_000, interval: 50 };
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
type Made = { ok: true; database: string; key: string | null; rows: Record<string, number> };

describe("a backup", () => {
	it("taken under load is whole: a second service on its folder has the jobs, the keys and the secrets", async () => {
		const deapi = await provider({ balance: 1e6 });
		const running = await service(deapi.env);
		const endpoint = await receiver();
		const made = await running.call<{ id: string; secret: string }>("/v1/endpoints", {
			method: "POST",
			body: JSON.stringify({ url: endpoint.url, secret: SECRET, event_types: ["job.canceled"] }),
		});
		expect(made.secret).toBe(SECRET);
		const env = { DATABASE_URL: path.join(running.folder, "jobhook.db") };
		const { key } = jsonOf<{ key: string }>(await jobhook(["keys", "create", "--json"], { env }));

		const accepted: string[] = [];
		const load = { on: true };
		const submits = (async () => {
			while (load.on && accepted.length < 1000) {
				const made = await Promise.all(
					Array.from({ length: 5 }, () => running.call<{ id: string }>("/v1/jobs", { method: "POST", body: JSON.stringify(JOB) })),
				);
				accepted.push(...made.map(({ id }) => id));
			}
		})();
		await vi.waitFor(() => expect(accepted.length).toBeGreaterThan(50), soon);
		const before = [...accepted];
		const folder = path.join(scratch(), "copy");
		const ran = await jobhook(["backup", folder, "--json"], { env });
		load.on = false;
		await submits;

		const copied = jsonOf<Made>(ran);
		expect([ran.code, copied.ok]).toEqual([0, true]);
		expect(ran.err.trimEnd().split("\n").at(-1)).toBe("opening its secrets …");
		expect(readdirSync(folder).toSorted()).toEqual(["jobhook.db", "jobhook.key"]);
		expect([mode(folder), ...readdirSync(folder).map((file) => mode(path.join(folder, file)))]).toEqual(["700", "600", "600"]);
		expect(copied.rows["jobs"]).toBeGreaterThanOrEqual(before.length);
		expect(accepted.every((id) => typeof id === "string")).toBe(true); // the service took all submits meanwhile
		await running.signal("SIGKILL"); // never both at once: what is queued in the copy is sent by the copy

		const restored = await service({ ...deapi.env }, folder);
		for (const id of before) expect((await restored.call<{ id: string }>(`/v1/jobs/${id}`)).id).toBe(id);
		const response = await fetch(`http://127.0.0.1:${restored.port}/v1/keys`, { headers: { "x-api-key": key } });
		expect(response.status).toBe(200);
		const tested = await restored.call(`/v1/endpoints/${made.id}/test`, { method: "POST" });
		expect(tested).toMatchObject({ status: 200 });
		const { headers, body } = endpoint.received.at(-1)!;
		const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
		expect(signedBy({ headers: flat, body }, SECRET)).toBe(true);
	});

	it("overwrites nothing: it goes into a new folder, or one that is empty", async () => {
		const cwd = scratch();
		await jobhook(["migrate"], { cwd });
		mkdirSync(path.join(cwd, "empty"));
		expect((await jobhook(["backup", "empty"], { cwd })).code).toBe(0);
		const kept = readFileSync(path.join(cwd, "empty/jobhook.db"));
		writeFileSync(path.join(cwd, "file"), "mine");
		for (const into of ["empty", "file", "data"]) {
			const { code, err } = await jobhook(["backup", into], { cwd });
			expect([code, err]).toEqual([1, `${path.join(cwd, into)} is there already: a backup goes into a new folder\n`]);
		}
		expect(readFileSync(path.join(cwd, "empty/jobhook.db"))).toEqual(kept);
		expect(readdirSync(cwd).toSorted()).toEqual(["data", "empty", "file"]);
	});

	it("of a damaged database, or with a master key that is not its own, is none: it says so and leaves nothing", async () => {
		const cwd = scratch();
		await jobhook(["migrate"], { cwd });
		const key = path.join(cwd, "data/jobhook.key");
		const right = readFileSync(key);
		chmodSync(key, 0o600);
		writeFileSync(key, `${Buffer.alloc(32, 1).toString("base64")}\n`);
		const wrong = await jobhook(["backup", "copy"], { cwd });
		expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("the master key does not open the secrets")]);
		writeFileSync(key, right);
		const file = path.join(cwd, "data/jobhook.db");
		const bytes = readFileSync(file);
		bytes.fill(0xff, 4096 * 3, 4096 * 40);
		writeFileSync(file, bytes);
		const damaged = await jobhook(["backup", "copy"], { cwd });
		expect([damaged.code, damaged.out]).toEqual([1, ""]);
		expect(damaged.err).not.toMatch(/\n\s+at /);
		expect(readdirSync(cwd)).toEqual(["data"]);
	});

	it("with the master key in the settings holds the database alone, and says to keep the key apart", async () => {
		const cwd = scratch();
		const env = { JOBHOOK_MASTER_KEY: Buffer.alloc(32, 7).toString("base64") };
		await jobhook(["migrate"], { cwd, env });
		const { code, out } = await jobhook(["backup", "copy"], { cwd, env });
		expect([code, out]).toEqual([0, expect.stringContaining("JOBHOOK_MASTER_KEY, not in the backup: keep it apart")]);
		expect(readdirSync(path.join(cwd, "copy"))).toEqual(["jobhook.db"]);
		expect(existsSync(path.join(cwd, "data/jobhook.key"))).toBe(false);
	});

	it("goes by itself: other files of the folder, and what is being written, are not in it", async () => {
		const cwd = scratch();
		await jobhook(["migrate"], { cwd });
		writeFileSync(path.join(cwd, "data/notes.txt"), "mine");
		const made = jsonOf<Made>(await jobhook(["backup", "deep/er/copy", "--json"], { cwd }));
		expect(made).toMatchObject({ database: path.join(cwd, "deep/er/copy/jobhook.db"), key: path.join(cwd, "deep/er/copy/jobhook.key") });
		expect(made.rows).toMatchObject({ apps: 1, jobs: 0 });
		expect(readdirSync(path.join(cwd, "deep/er"))).toEqual(["copy"]);
	});
});
