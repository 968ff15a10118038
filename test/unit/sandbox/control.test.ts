import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const knobsPath = "/_sandbox/knobs";

describe("knobs over HTTP", () => {
	it("need no key, and a patch changes only what it names", async () => {
		const { sandbox, knobs } = createWorld({ knobs: { balance: 9, hooks: { copies: 2 } } });
		const before = await knobs();
		const body = JSON.stringify({ hooks: { delayMs: 50 }, jobs: { failNext: 1 } });
		const answer = await sandbox.app.request(knobsPath, { method: "PATCH", body });
		expect(answer.status).toBe(200);
		const expected = { ...before, hooks: { ...before.hooks, delayMs: 50 }, jobs: { ...before.jobs, failNext: 1 } };
		expect(await answer.json()).toEqual(expected);
		expect(await knobs()).toEqual(expected);
		expect(before).toMatchObject({ balance: 9, hooks: { copies: 2, sign: "right", enabled: true, autoDisableAfter: 10 } });
	});

	it("an unknown key is refused by name, and nothing of that patch is set", async () => {
		const { request, knobs } = createWorld();
		const body = JSON.stringify({ balance: 1, hooks: { dorp: 1 }, nonsense: true, calls: [{ call: "balance", status: 500, retry: 1 }] });
		const answer = await request(knobsPath, { method: "PATCH", body });
		expect(answer.status).toBe(400);
		const { message } = (await answer.json()) as { message: string };
		for (const name of ["hooks.dorp", "nonsense", "calls.0.retry"]) expect(message).toContain(`unknown knob ${name}`);
		expect((await knobs()).balance).toBe(5);
	});

	it("a wrong value is refused with the place it stands at", async () => {
		const { request } = createWorld();
		const wrong = [
			[{ hooks: { sign: "maybe" } }, "hooks.sign:"],
			[{ hooks: { copies: 0 } }, "hooks.copies:"],
			[{ calls: [{ call: "balance" }] }, "calls.0: one of status, hangMs, reset is needed"],
			[{ calls: [{ call: "img2img", status: 500 }] }, "calls.0.call:"],
			[{ rateLimit: "gold" }, "rateLimit:"],
			["text", "knobs:"],
		] as const;
		for (const [patch, expected] of wrong) {
			const answer = await request(knobsPath, { method: "PATCH", body: JSON.stringify(patch) });
			expect(answer.status).toBe(400);
			expect(((await answer.json()) as { message: string }).message).toContain(expected);
		}
		expect((await request(knobsPath, { method: "PATCH", body: "{" })).status).toBe(400);
	});

	it("a reset goes back to how the sandbox was started", async () => {
		const { request, patch, knobs, submitted } = createWorld({
			knobs: { jobs: { failNext: 2 }, calls: [{ call: "models", times: 5, status: 500 }] },
		});
		const started = await knobs();
		await submitted();
		await request("/api/v1/client/models");
		await patch({ rateLimit: "basic", hooks: { enabled: false } });
		expect(await knobs()).not.toEqual(started);
		const answer = await request(knobsPath, { method: "DELETE" });
		expect(await answer.json()).toEqual(started);
		expect(await knobs()).toEqual(started);
	});

	it("a sandbox started with unknown knobs does not start", () => {
		expect(() => createWorld({ knobs: JSON.parse('{"balnce":1}') })).toThrow("balnce");
	});
});
