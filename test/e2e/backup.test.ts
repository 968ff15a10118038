import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ensureDefaultApp } from "../../src/access/apps.ts";
import { blobKey } from "../../src/core/blobs.ts";
import { newId } from "../../src/core/ids.ts";
import { insertRow } from "../../src/db/insert.ts";
import { jobs } from "../../src/db/schema.ts";
import { type Backup, backup } from "../../src/node/backup.ts";
import { blobsOf, openBlobs, placeOf } from "../../src/node/blobs.ts";
import { openDatabase } from "../../src/node/database.ts";
import { openSecretbox } from "../../src/node/secrets.ts";
import { signedBy } from "../suite/gateway/signed-by.ts";
import { jobRow } from "../suite/store/rows.ts";
import { jobhook, jsonOf } from "../support/cli.ts";
import { JOB } from "../support/launch.ts";
import { provider, receiver, scratch, service } from "../support/process.ts";

const SECRET = "the-callback-secret-of-this-app-0123456789";
const soon = { timeout: 20_000, interval: 50 };
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
type Made = Backup & { ok: true };

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

		const words = "€".repeat(100_000);
		const long = await running.call<{ id: string; input: object }>("/v1/jobs", {
			method: "POST",
			body: JSON.stringify({ provider: "deapi", type: "txt2embedding", model: "Bge_M3_FP16", input: { input: words } }),
		});
		expect(long.input).toEqual({ input: words });
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
		expect(ran.err.trimEnd().split("\n")[0]).toBe("copying large bodies …");
		expect(ran.err.trimEnd().split("\n").at(-1)).toBe("opening its secrets …");
		expect(readdirSync(folder).toSorted()).toEqual(["jobhook.db", "jobhook.db.blobs", "jobhook.key"]);
		const modes = [
			mode(folder),
			...readdirSync(folder)
				.toSorted()
				.map((file) => mode(path.join(folder, file))),
		];
		expect(modes).toEqual(["700", "600", "700", "600"]);
		expect([copied.blobs, copied.lost_blobs]).toEqual([1, 0]);
		expect(copied.rows["jobs"]).toBeGreaterThanOrEqual(before.length);
		expect(accepted.every((id) => typeof id === "string")).toBe(true); // the service took all submits meanwhile
		await running.signal("SIGKILL"); // never both at once: what is queued in the copy is sent by the copy

		const restored = await service({ ...deapi.env }, folder);
		for (const id of before) expect((await restored.call<{ id: string }>(`/v1/jobs/${id}`)).id).toBe(id);
		expect(await restored.call(`/v1/jobs/${long.id}`)).toMatchObject({ input: { input: words } });
		const response = await fetch(`http://127.0.0.1:${restored.port}/v1/keys`, { headers: { "x-api-key": key } });
		expect(response.status).toBe(200);
		const tested = await restored.call(`/v1/endpoints/${made.id}/test`, { method: "POST" });
		expect(tested).toMatchObject({ status: 200 });
		const { headers, body } = endpoint.received.at(-1)!;
		const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
		expect(signedBy({ headers: flat, body }, SECRET)).toBe(true);
	});

	describe("of a database with large bodies", () => {
		const NOW = Date.now();
		/** A database in a folder of its own, with jobs whose inputs are kept apart. */
		async function withJobs(count: number) {
			const databasePath = path.join(scratch(), "jobhook.db");
			const db = openDatabase({ databasePath });
			onTestFinished(() => db.close());
			const { id: appId } = await ensureDefaultApp({
				db,
				clock: { now: () => NOW },
				secrets: openSecretbox({ databasePath, masterKeys: undefined }),
			});
			const blobs = openBlobs(blobsOf(databasePath));
			const add = async () => {
				const id = newId("job", NOW);
				const inputBlob = blobKey("inputs", { id, app: appId }, NOW);
				await blobs.put(inputBlob, Buffer.from(`input of ${id}`));
				await db.batch([insertRow(jobs).bind(jobRow(id, { appId, inputBlob }))]);
				return { id, inputBlob };
			};
			const made = [];
			for (let i = 0; i < count; i++) made.push(await add());
			const take = (step: (said: string) => void = () => {}) =>
				backup({ databasePath, masterKeys: undefined }, path.join(path.dirname(databasePath), "copy"), step);
			return { db, blobs, made, take, copied: openBlobs(blobsOf(path.join(path.dirname(databasePath), "copy/jobhook.db"))) };
		}

		it("has the body of every row it has, also of one that was swept while it was made", async () => {
			const { db, made, blobs, take, copied } = await withJobs(3);
			const done = take((step) => {
				if (step !== "checking the copy") return;
				db.raw.prepare("DELETE FROM jobs WHERE id = ?").run(made[0]!.id);
				rmSync(placeOf(blobsOf(db.raw.name), made[0]!.inputBlob).file);
			});
			expect(await blobs.get(made[0]!.inputBlob)).toBe(null);
			expect(done).toMatchObject({ blobs: 3, lost_blobs: 0, rows: { jobs: 3 } });
			for (const { id, inputBlob } of made) expect(String(await copied.get(inputBlob))).toBe(`input of ${id}`);
		});

		it("has the body of a row that came after it had begun", async () => {
			const { db, made, take, copied } = await withJobs(2);
			const [late] = made.splice(1);
			const place = placeOf(blobsOf(db.raw.name), late!.inputBlob);
			const body = readFileSync(place.file);
			const row = db.raw.prepare<[string], Record<string, unknown>>("SELECT * FROM jobs WHERE id = ?").get(late!.id)!;
			db.raw.prepare("DELETE FROM jobs WHERE id = ?").run(late!.id);
			rmSync(place.file);
			const done = take((step) => {
				if (step !== "counting") return;
				writeFileSync(place.file, body);
				db.raw
					.prepare(
						`INSERT INTO jobs (${Object.keys(row).join()}) VALUES (${Object.keys(row)
							.map(() => "?")
							.join()})`,
					)
					.run(Object.values(row));
			});
			expect(done).toMatchObject({ blobs: 2, lost_blobs: 0, rows: { jobs: 2 } });
			expect(String(await copied.get(late!.inputBlob))).toBe(`input of ${late!.id}`);
		});

		it("says how many of them the service itself has lost, and is made all the same", async () => {
			const { db, made, take, copied } = await withJobs(3);
			rmSync(placeOf(blobsOf(db.raw.name), made[1]!.inputBlob).file);
			expect(take()).toMatchObject({ blobs: 2, lost_blobs: 1 });
			expect(await copied.list("inputs", "", 10)).toEqual([made[0], made[2]].map((job) => job!.inputBlob).sort((a, b) => (a < b ? -1 : 1)));
		});

		it("leaves out what no row names, and what is being written", async () => {
			const { blobs, made, db, take, copied } = await withJobs(1);
			await blobs.put(blobKey("inputs", { id: newId("job", NOW), app: newId("app", NOW) }, NOW), Buffer.from("nobody's"));
			writeFileSync(`${placeOf(blobsOf(db.raw.name), made[0]!.inputBlob).file}.x.partial`, "half");
			expect(take()).toMatchObject({ blobs: 1 });
			expect(await copied.list("inputs", "", 10)).toEqual([made[0]!.inputBlob]);
		});
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
