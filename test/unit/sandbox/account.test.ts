import { describe, expect, it } from "vitest";
import { createWorld, fullBody, key } from "./world.ts";

const unauthenticated = { message: "Unauthenticated." };

describe("keys", () => {
	it("1: a call without a key is answered 401 as JSON", async () => {
		const { sandbox } = createWorld();
		const answer = await sandbox.app.request("/api/v1/client/balance");
		expect(answer.status).toBe(401);
		expect(answer.headers.get("content-type")).toContain("application/json");
		expect(await answer.json()).toEqual(unauthenticated);
	});

	it("1: a wrong key, an empty one and another scheme are no key", async () => {
		const { request } = createWorld();
		for (const authorization of ["Bearer nope", "Bearer ", `Basic ${key}`, key]) {
			const answer = await request("/api/v1/client/balance", { headers: { authorization } });
			expect([authorization, answer.status]).toEqual([authorization, 401]);
		}
	});

	it("1: an unauthenticated submit makes no job and costs nothing", async () => {
		const { request, posts, pass, knobs } = createWorld({ webhookUrl: "https://receiver.test/" });
		const body = JSON.stringify(fullBody);
		const headers = { authorization: "Bearer nope", "content-type": "application/json" };
		expect((await request("/api/v1/client/txt2img", { method: "POST", body, headers })).status).toBe(401);
		await pass(10_000);
		expect(posts).toEqual([]);
		expect((await knobs()).balance).toBe(5);
	});

	it("2: a key with a bar in it opens the balance", async () => {
		const { get } = createWorld({ knobs: { balance: 4.52 } });
		expect(await get("/api/v1/client/balance")).toEqual({ data: { balance: 4.52 } });
	});
});

describe("paths", () => {
	it("3: leading slashes too many change nothing", async () => {
		const { get } = createWorld();
		expect(await get("//api/v1/client/balance")).toEqual({ data: { balance: 5 } });
		expect(await get("///api/v1/client/balance")).toEqual({ data: { balance: 5 } });
	});

	it("4: an unknown route is answered 404 naming it, without field errors", async () => {
		const { request } = createWorld();
		const answer = await request("/api/v1/client/nope");
		expect(answer.status).toBe(404);
		expect(await answer.json()).toEqual({ message: "The route api/v1/client/nope could not be found." });
	});

	it("a known route with another method is answered 405 with the methods it has", async () => {
		const { request } = createWorld();
		const answer = await request("/api/v1/client/txt2img");
		expect(answer.status).toBe(405);
		expect(answer.headers.get("allow")).toBe("POST");
		expect(await answer.json()).toMatchObject({ message: expect.stringContaining("api/v1/client/txt2img") });
	});
});

describe("balance", () => {
	it("every picture is paid when it is submitted", async () => {
		const { submitted, get } = createWorld();
		await submitted({ ...fullBody, width: 1024, height: 1024 });
		expect(await get("/api/v1/client/balance")).toEqual({ data: { balance: 4.996279 } });
	});

	it("18: a balance that is too low is answered 422 under `balance` and makes no job", async () => {
		const { submit, patch, get } = createWorld();
		await patch({ balance: 0.48 });
		const answer = await submit();
		expect(answer.status).toBe(422);
		expect(await answer.json()).toEqual({ message: "Not enough balance.", errors: { balance: ["Not enough balance."] } });
		expect(await get("/api/v1/client/balance")).toEqual({ data: { balance: 0.48 } });
	});

	it("a job that fails is paid back", async () => {
		const { submitted, pass, patch, get } = createWorld();
		await patch({ jobs: { failNext: 1 } });
		await submitted();
		expect(await get("/api/v1/client/balance")).not.toEqual({ data: { balance: 5 } });
		await pass(5_000);
		expect(await get("/api/v1/client/balance")).toEqual({ data: { balance: 5 } });
	});
});
