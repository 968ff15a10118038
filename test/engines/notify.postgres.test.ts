import postgres from "postgres";
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { openPostgres } from "../../src/node/postgres.ts";
import { Notifier } from "../../src/node/postgres-notify.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { gate } from "../support/process.ts";

const soon = { timeout: 5000, interval: 10 };

describe.skipIf(inject("postgresUrl") === null)("a hint between processes", () => {
	let url: string;
	let admin: postgres.Sql;
	beforeAll(async () => {
		url = await newDatabase();
		admin = postgres(url, { max: 1, onnotice: () => {} });
		return () => admin.end();
	});

	/** What a process has of it. `heard` counts its wakes; the first one says that it listens. */
	async function process(rest?: () => Promise<unknown>) {
		const db = openPostgres(url, { pool: 2, prepare: true });
		onTestFinished(() => db.close());
		const notifier = new Notifier(db.raw, rest);
		const heard = vi.fn();
		notifier.hear(heard);
		await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1), soon);
		return { notifier, heard };
	}

	it("wakes every other one, and not the one that gives it", async () => {
		const [one, two, three] = await Promise.all([process(), process(), process()]);
		one.notifier.tell();
		await vi.waitFor(() => expect([two, three].map(({ heard }) => heard.mock.calls.length)).toEqual([2, 2]), soon);
		two.notifier.tell();
		await vi.waitFor(() => expect(one.heard).toHaveBeenCalledTimes(2), soon);
		expect([two, three].map(({ heard }) => heard.mock.calls.length)).toEqual([2, 3]);
	});

	it("stands for all that were given meanwhile, and the last of them is never swallowed", async () => {
		let rested = gate();
		const one = await process(() => rested.opened);
		const two = await process();
		for (let i = 0; i < 1000; i++) one.notifier.tell();
		await vi.waitFor(() => expect(two.heard).toHaveBeenCalledTimes(2), soon);
		for (let i = 0; i < 1000; i++) one.notifier.tell(); // while it rests
		const first = rested;
		rested = gate();
		first.open();
		await vi.waitFor(() => expect(two.heard).toHaveBeenCalledTimes(3), soon);
		rested.open();
		await one.notifier.flush();
		expect(two.heard).toHaveBeenCalledTimes(3);
	});

	it("is given at most once in 50 ms", async () => {
		const [one, two] = await Promise.all([process(), process()]);
		const began = performance.now();
		while (two.heard.mock.calls.length < 5) {
			one.notifier.tell();
			await new Promise(setImmediate);
		}
		expect(performance.now() - began).toBeGreaterThan(3 * 50 - 5);
	});

	it("is heard again by one whose connections were all cut, which is woken for what it missed", async () => {
		const [one, two] = await Promise.all([process(), process()]);
		await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
		await vi.waitFor(() => expect(two.heard).toHaveBeenCalledTimes(2), soon);
		await vi.waitFor(() => expect(one.heard).toHaveBeenCalledTimes(2), soon);
		one.notifier.tell();
		await vi.waitFor(() => expect(two.heard).toHaveBeenCalledTimes(3), soon);
	});
});
