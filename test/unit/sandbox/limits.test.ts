import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const family = (answer: Response) =>
	Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("x-ratelimit") || name === "retry-after"));

describe("rate limits", () => {
	it("every limited answer announces the plan, and by default nothing is enforced", async () => {
		const { submit, knobs } = createWorld({ knobs: { balance: 1e6 } });
		expect((await knobs()).rateLimit).toBeNull();
		expect(family(await submit())).toEqual({
			"x-ratelimit-limit": "300",
			"x-ratelimit-remaining": "299",
			"x-ratelimit-source": "premium",
		});
		expect(family(await submit({}))).toMatchObject({ "x-ratelimit-remaining": "298" });
		for (let i = 0; i < 305; i++) expect((await submit()).status).toBe(200);
	});

	it("51: the call past a configured minute is answered 429 until that minute is over", async () => {
		const { submit, pass } = createWorld({ knobs: { rateLimit: { perMinute: 2, perDay: null } } });
		await submit();
		await pass(10_000);
		await submit();
		const refused = await submit();
		expect(refused.status).toBe(429);
		expect(await refused.json()).toEqual({ message: "Too Many Attempts." });
		expect(family(refused)).toEqual({
			"retry-after": "50",
			"x-ratelimit-limit": "2",
			"x-ratelimit-remaining": "0",
			"x-ratelimit-source": "custom",
			"x-ratelimit-type": "minute",
		});
		await pass(49_999);
		expect((await submit()).status).toBe(429);
		await pass(1);
		expect((await submit()).status).toBe(200);
	});

	it("52: a spent day is answered 429 until midnight UTC", async () => {
		const { submit, pass } = createWorld({ knobs: { rateLimit: { perMinute: 100, perDay: 1 } } });
		expect(family(await submit())).toMatchObject({ "x-ratelimit-daily-limit": "1", "x-ratelimit-daily-remaining": "0" });
		const refused = await submit();
		const seconds = 13 * 3600 + 29 * 60 + 15;
		expect(family(refused)).toMatchObject({ "x-ratelimit-type": "daily", "retry-after": String(seconds) });
		await pass(seconds * 1000);
		expect((await submit()).status).toBe(200);
	});

	it("54: on the Basic plan the 51st status call in a minute is refused, balance and models never", async () => {
		const { submitted, request } = createWorld({ knobs: { rateLimit: "basic" } });
		const path = `/api/v1/client/request-status/${await submitted()}`;
		for (let i = 0; i < 50; i++) expect((await request(path)).status).toBe(200);
		expect((await request(path)).status).toBe(429);
		for (let i = 0; i < 60; i++) expect((await request("/api/v1/client/balance")).status).toBe(200);
		expect((await request("/api/v1/client/models")).status).toBe(200);
	});

	it("54: a Basic account submits three pictures a minute, whatever it polls", async () => {
		const { submit, request } = createWorld({ knobs: { rateLimit: "basic" } });
		await request("/api/v1/client/request-status/x");
		const answers = [await submit(), await submit(), await submit(), await submit()];
		expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
	});

	it("a wrong key is refused before it is counted", async () => {
		const { request, submit } = createWorld({ knobs: { rateLimit: { perMinute: 1, perDay: null } } });
		const headers = { authorization: "Bearer nope" };
		expect((await request("/api/v1/client/txt2img", { method: "POST", headers })).status).toBe(401);
		expect((await submit()).status).toBe(200);
	});
});
