import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openD1, refuse } from "../../src/worker/d1.ts";
import { type EdgeWorld, openEdgeWorld } from "../support/edge.ts";
import { emptyD1 } from "../support/workers/d1.ts";
import { sickD1 } from "../support/workers/sick.ts";
import { answer, broken, type Callback, JOB, submitted } from "../support/world.ts";

const MINUTE = 60_000;
const OVERLOADED = "D1 DB is overloaded. Requests queued for too long.";

describe("at the edge", () => {
	let world: EdgeWorld;
	/** What D1 says to everything; null: it is well. */
	let sick: string | null;
	beforeEach(async () => {
		await emptyD1();
		sick = null;
		world = await openEdgeWorld(openD1(sickD1(env.DB, () => sick)));
	});
	afterEach(() => world.close());

	const idOf = ({ headers }: Callback) => headers["webhook-id"];
	const attemptsOf = async (job: string) => (await world.timeline(job)).filter(({ kind }) => kind === "attempt");
	const ended = async (job: string) => (await world.job(job)).state;

	describe("messages", () => {
		it("carry a job from submit to its callbacks without the sweep", async () => {
			const job = await submitted(world);
			await world.pass(20_000);
			expect(await ended(job)).toBe("completed");
			expect((await attemptsOf(job)).map(({ what }) => what)).toEqual(["delivered", "delivered"]);
			expect(world.lines.filter(({ what }) => what === "sweep.finished")).toEqual([]);
			expect(world.queue.handed.every(({ end }) => end === "acked")).toBe(true);
		});

		it("are on their way before an answer that waits for the job's end", async () => {
			const answered = world.request("/v1/jobs?wait=20", {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(JOB),
			});
			await vi.waitFor(() => expect(world.queue.sent.map(({ body }) => body.kind)).toContain("submission"));
			await world.pass(20_000);
			expect((await answered).status).toBe(202);
			expect(world.callbacks.length).toBeGreaterThan(0);
		});

		it("keep a retry after 5 s at 5 to 7 s", async () => {
			world.onCallback(({ headers }) => answer(headers["jobhook-attempt"] === "1" ? 500 : 200));
			const job = await submitted(world, { webhook_events: ["job.completed"] });
			await world.pass(20_000);
			const [first, second] = world.callbacks;
			expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(5000);
			expect(second!.atMs - first!.atMs).toBeLessThanOrEqual(7000);
			expect(await ended(job)).toBe("completed");
		});

		it("that come before their time are put back for it", async () => {
			world.onCallback(({ headers }) => answer(headers["jobhook-attempt"] === "1" ? 500 : 200));
			const job = await submitted(world, { webhook_events: ["job.completed"] });
			await world.pass(3000);
			world.queue.sent = world.queue.sent.map((message) => ({ ...message, at: world.now() }));
			await world.run();
			expect(world.callbacks).toHaveLength(1);
			await world.pass(8000);
			expect(world.callbacks).toHaveLength(2);
			expect((await attemptsOf(job)).at(-1)).toMatchObject({ what: "delivered" });
		});

		it("that are lost cost a minute, never a job", async () => {
			world.queue.spoil = () => [];
			const job = await submitted(world);
			await world.pass(59_000);
			expect(await ended(job)).toBe("queued");
			world.queue.spoil = (messages) => messages;
			await world.pass(1000);
			expect(await ended(job)).toBe("submitted");
			await world.pass(20_000);
			expect(await ended(job)).toBe("completed");
			expect((await attemptsOf(job)).map(({ what }) => what)).toEqual(["delivered", "delivered"]);
		});

		it("that come twice, and out of order, send nothing twice", async () => {
			world.queue.spoil = (messages) => [...messages, ...messages].toReversed();
			const job = await submitted(world);
			await world.pass(20_000);
			expect(await ended(job)).toBe("completed");
			expect(new Set(world.callbacks.map(idOf)).size).toBe(world.callbacks.length);
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("of one batch do not share what breaks in one of them", async () => {
			const jobs = [await submitted(world), await submitted(world), await submitted(world)];
			const real = world.deps.http;
			let broken = 0;
			world.deps.http = (request) => {
				if (request.url.endsWith("/txt2img") && broken++ === 0) throw new Error("a bug of ours");
				return real(request);
			};
			await world.pass(20_000);
			const states = await Promise.all(jobs.map(ended));
			expect(states.toSorted()).toEqual(["completed", "completed", "queued"]);
			expect(world.queue.handed.every(({ end }) => end === "acked")).toBe(true);
			expect(world.lines.filter(({ what }) => what === "work.failed")).toHaveLength(1);
		});

		it("of an unknown kind are logged and dropped", async () => {
			await world.queue.sendBatch([
				{ body: { kind: "nonsense" as "delivery", id: "x" } },
				{ body: { kind: "delivery", id: "dlv_of_nobody" } },
			]);
			await world.run();
			expect(world.queue.handed.map(({ end }) => end)).toEqual(["acked", "acked"]);
			expect(world.queue.sent).toEqual([]);
		});

		it("that D1 refuses come again, and are done then", async () => {
			const job = await submitted(world);
			sick = OVERLOADED;
			await world.run();
			expect(world.queue.handed.filter(({ body }) => body.kind === "submission").map(({ end }) => end)).toEqual(["retried"]);
			sick = null;
			await world.pass(30_000);
			expect(await ended(job)).toBe("completed");
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("have the list of models read again behind a submit, which does not wait for it", async () => {
			const asked: string[] = [];
			const real = world.deps.http;
			world.deps.http = (request) => {
				if (request.url.includes("/models")) asked.push(request.url);
				return real(request);
			};
			await submitted(world);
			await submitted(world);
			expect(asked).toEqual([]);
			await world.run();
			expect(asked.length).toBeGreaterThan(0);
			expect(world.lines.filter(({ what }) => what === "models.read")).toHaveLength(1);
		});

		it("that the queue does not take are told in the log, and sent by the next sweep when it does", async () => {
			const { sendBatch } = world.queue;
			world.queue.sendBatch = () => Promise.reject(new Error("Queue is overloaded"));
			const job = await submitted(world);
			expect(await ended(job)).toBe("queued");
			expect(world.lines).toContainEqual(expect.objectContaining({ what: "hints.lost" }));
			world.queue.sendBatch = sendBatch;
			await world.pass(2 * MINUTE);
			expect(await ended(job)).toBe("completed");
		});

		it("come again a little later where an isolate finds D1 sick at its start", async () => {
			const job = await submitted(world);
			world.newIsolate();
			sick = OVERLOADED;
			await world.run();
			expect(new Set(world.queue.handed.map(({ end }) => end))).toEqual(new Set(["retried"]));
			expect(world.queue.nextAt - world.now()).toBe(5000);
			expect(world.lines).toContainEqual(expect.objectContaining({ what: "batch.refused" }));
			sick = null;
			await world.pass(30_000);
			expect(await ended(job)).toBe("completed");
		});

		it("that five turns of a lane send for one row bring five of its rows", async () => {
			for (let i = 0; i < 10; i++) await submitted(world, { webhook_url: undefined });
			world.queue.sent = world.queue.sent.filter(({ body }) => body.kind === "submission").slice(0, 1);
			const [{ body } = { body: { kind: "submission" as const, id: "" } }] = world.queue.sent;
			await world.queue.sendBatch(Array.from({ length: 4 }, () => ({ body })));
			await Promise.all(world.queue.batches().map((batch) => world.edge().queue(batch)));
			expect(await world.calls("txt2img")).toHaveLength(5);
			expect(world.queue.sent.filter(({ at }) => at === world.now())).toHaveLength(5);
		});
	});

	describe("a consumer that is killed in the middle", () => {
		it("of a callback has it sent once more, with the same id and bytes", async () => {
			world.onCallback(() => new Promise(() => {}));
			const job = await submitted(world, { webhook_events: ["job.completed"] });
			void world.pass(20_000); // hangs with it
			await vi.waitFor(() => expect(world.callbacks).toHaveLength(1));
			world.newIsolate();
			world.onCallback(() => answer(200));
			world.jump(2 * MINUTE);
			await world.pass(3 * MINUTE);
			expect(world.callbacks).toHaveLength(2);
			const [first, second] = world.callbacks;
			expect(idOf(second!)).toBe(idOf(first!));
			expect(second!.body).toBe(first!.body);
			expect((await attemptsOf(job)).map(({ what }) => what)).toEqual(["interrupted", "delivered"]);
		});

		it("of a send leaves its outcome unknown and never sends it again", async () => {
			const job = await submitted(world);
			const real = world.deps.http;
			world.deps.http = (request) => (request.url.endsWith("/txt2img") ? new Promise(() => {}) : real(request));
			void world.run();
			await vi.waitFor(async () => expect((await world.timeline(job)).map(({ what }) => what)).toContain("sending"));
			world.deps.http = real;
			world.newIsolate();
			world.jump(10 * MINUTE);
			await world.pass(10 * MINUTE);
			expect((await world.timeline(job)).filter(({ kind }) => kind === "submission")).toMatchObject([{ what: "unknown" }]);
			expect(await world.calls("txt2img")).toEqual([]);
		});
	});

	describe("D1 that cannot take it now", () => {
		it("has a submit answered 503, and nothing is left of it", async () => {
			sick = OVERLOADED;
			const response = await world.submit();
			expect(response.status).toBe(503);
			expect(response.headers.get("retry-after")).not.toBeNull();
			sick = null;
			expect(await (await world.request("/v1/jobs")).json()).toMatchObject({ data: [] });
		});

		it("and loses the answer to what it wrote has a submit without a key answered with its job, once", async () => {
			const { db } = world.deps;
			world.deps.db = {
				...db,
				batch: async (work) => {
					const rows = await db.batch(work);
					if (!work.some(({ stmt }) => /^insert into "submissions"/i.test(stmt.sql))) return rows;
					world.deps.db = db;
					return refuse(new Error("D1_ERROR: Network connection lost."));
				},
			};
			const job = await submitted(world);
			await world.pass(20_000);
			expect(await ended(job)).toBe("completed");
			expect(await (await world.request("/v1/jobs")).json()).toMatchObject({ data: [{ id: job }] });
		});

		it("and loses the answer to a claim has the row done all the same", async () => {
			const job = await submitted(world);
			const real = world.deps.db;
			let looks = 0;
			const db: typeof real = {
				...real,
				read: async (query) => (looks-- > 0 ? refuse(new Error("D1_ERROR: Network connection lost.")) : real.read(query)),
			};
			world.deps.db = {
				...db,
				batch: async (work) => {
					const rows = await db.batch(work);
					if (!/^UPDATE "submissions" SET claim_id/.test(work[0]!.stmt.sql)) return rows;
					world.deps.db = db;
					looks = 1; // the next look is lost, too
					return refuse(new Error("D1_ERROR: Network connection lost."));
				},
			};
			await world.pass(20_000);
			expect(await ended(job)).toBe("completed");
			expect((await world.timeline(job)).filter(({ kind }) => kind === "submission")).toHaveLength(1);
		});

		it.each(["that has stood for a while", "that starts with it"])(
			"has a hook at an isolate %s answered 503, and takes it when it comes again",
			async (which) => {
				world.holdHooks(true);
				const job = await submitted(world);
				await world.pass(5000);
				const hook = world.held.at(-1)!;
				if (which === "that starts with it") world.newIsolate();
				sick = OVERLOADED;
				expect((await world.postHook(hook)).status).toBe(503);
				sick = null;
				expect((await world.postHook(hook)).status).toBe(200);
				expect(await ended(job)).toBe("completed");
			},
		);

		it("has an isolate that starts meanwhile answer 503 until it stands", async () => {
			sick = OVERLOADED;
			world.newIsolate();
			expect((await world.request("/v1/jobs")).status).toBe(503);
			expect((await world.request("/healthz")).status).toBe(200);
			sick = null;
			expect((await world.request("/v1/jobs")).status).toBe(200);
		});
	});

	it("costs a job with two callbacks no more statements than the README says", async () => {
		await world.endpoint();
		await submitted(world, { webhook_url: undefined });
		await world.pass(20_000); // the isolate is warm
		const { db } = world.deps;
		const cost = { calls: 0, statements: 0 };
		const count = (statements: number) => {
			cost.calls++;
			cost.statements += statements;
		};
		world.deps.db = {
			...db,
			read: (query) => {
				if (!/AS every_kind/.test(query.stmt.sql)) count(1); // the test's own look at what is due
				return db.read(query);
			},
			batch: (work) => {
				count(work.length);
				return db.batch(work);
			},
		};
		world.onCallback(() => answer(200));
		await submitted(world, { webhook_url: undefined });
		await world.pass(20_000);
		world.deps.db = db;
		expect(cost.calls).toBeLessThanOrEqual(22);
		expect(cost.statements).toBeLessThanOrEqual(50);
	});

	it("cron that fires twice at once sends nothing twice", async () => {
		world.queue.spoil = () => [];
		const jobs = [await submitted(world), await submitted(world)];
		await world.run();
		world.queue.spoil = (messages) => messages;
		await Promise.all([world.edge().scheduled(), world.edge().scheduled()]);
		expect(world.queue.sent).toHaveLength(4);
		await world.pass(20_000);
		expect(await Promise.all(jobs.map(ended))).toEqual(["completed", "completed"]);
		expect(await world.calls("txt2img")).toHaveLength(2);
		expect(new Set(world.callbacks.map(idOf)).size).toBe(world.callbacks.length);
	});

	it("500 deliveries that fell due in an outage drain from one sweep, and an endpoint that hangs holds up nobody else", {
		timeout: 40_000,
	}, async () => {
		const urls = Array.from({ length: 10 }, (_, i) => `https://receiver-${i}.example.com/hooks`);
		for (const url of urls) await world.endpoint({ url, event_types: ["job.completed"] });
		world.queue.spoil = (messages) => messages.filter(({ body }) => body.kind !== "delivery");
		for (let i = 0; i < 50; i++) await submitted(world, { webhook_url: undefined });
		await world.pass(50_000);
		expect(world.callbacks).toEqual([]);

		world.queue.spoil = (messages) => messages;
		const arrived: string[] = [];
		const hanging: ((answer: ReturnType<typeof broken>) => void)[] = [];
		world.onCallback(({ url }) => {
			if (url === urls[0]) return new Promise((resolve) => hanging.push(resolve));
			arrived.push(url);
			return answer(200);
		});
		const batches: Promise<void>[] = [];
		await world.edge().scheduled();
		await vi.waitFor(
			() => {
				for (const batch of world.queue.batches()) batches.push(world.edge().queue(batch));
				expect(arrived).toHaveLength(450);
			},
			{ timeout: 30_000, interval: 2 },
		);
		expect(hanging).toHaveLength(10);

		for (const end of hanging) end(broken("timeout", false));
		await Promise.all(batches);
		world.onCallback(() => answer(200));
		await world.pass(10 * MINUTE);
		expect(new Set(world.callbacks.map(idOf)).size).toBe(50);
		expect(world.callbacks).toHaveLength(510);
	});
});
