import { describe, expect, it } from "vitest";
import { createWorld, key, problemsOf, read, refusalOf } from "./world.ts";

interface Token {
	apiKey: string;
	expiresAt: string;
	permissions: object | null;
	constraints: object | null;
}
const path = "/v1/client/tokens";

function createTokens() {
	const world = createWorld();
	const create = (body: unknown, headers?: Record<string, string>) => world.post(path, body, headers);
	return { ...world, create, minted: async (body: unknown) => (await read<Token>(await create(body))).apiKey };
}

describe("Decart conformance: client tokens", () => {
	it("18 a token asked for with {} lasts a minute", async () => {
		const { create, now } = createTokens();
		const token = await read<Token>(await create({}));
		expect(token).toMatchObject({ apiKey: expect.stringMatching(/^ek_\w{32}$/), permissions: null, constraints: null });
		expect(token.expiresAt).toBe(new Date(now() + 60_000).toISOString());
		expect(token).not.toHaveProperty("token"); // optional, and nobody here can sign it as Decart does
	});

	it("19 what a token may do is said again, and what is out of range is refused", async () => {
		const { create, now } = createTokens();
		const models = ["lucy-2.1"];
		const origins = ["https://app.example", "http://localhost:3000"];
		const constraints = { realtime: { maxSessionDuration: 120 } };
		const asked = { expiresIn: 120, allowedModels: models, allowedOrigins: origins, constraints, metadata: { user: 7 } };
		const token = await read<Token>(await create(asked));
		expect(token).toMatchObject({ permissions: { models, origins }, constraints });
		expect(Date.parse(token.expiresAt)).toBe(now() + 120_000);
		const wrong = [
			[{ expiresIn: 0 }, "body.expiresIn greater_than_equal"],
			[{ expiresIn: 3601 }, "body.expiresIn less_than_equal"],
			[{ expiresIn: "60s" }, "body.expiresIn int_type"],
			[{ allowedModels: Array<string>(21).fill("lucy-2.1") }, "body.allowedModels too_long"],
			[{ allowedModels: [1] }, "body.allowedModels.0 string_type"],
			[{ allowedOrigins: ["app.example"] }, "body.allowedOrigins.0 value_error"],
			[{ constraints: { realtime: { maxSessionDuration: 0 } } }, "body.constraints.realtime.maxSessionDuration greater_than_equal"],
			[{ metadata: "x" }, "body.metadata model_attributes_type"],
			[[], "body model_attributes_type"],
		] as const;
		for (const [body, problem] of wrong) expect(await problemsOf(create(body))).toEqual([problem]);
	});

	it("20 a wrong key gets no token, and a client token none of its own", async () => {
		const { create, minted } = createTokens();
		const error = "Cannot create token from client token";
		expect(await refusalOf(create({}, { "x-api-key": "dct_wrong" }))).toEqual([401, { error: "Invalid API key" }]);
		expect(await refusalOf(create({}, { "x-api-key": await minted({}) }))).toEqual([403, { error }]);
	});

	it("21 no body counts as {}, and so does null", async () => {
		const { request, create } = createTokens();
		expect((await request(path, { method: "POST" })).status).toBe(200);
		expect((await create(null)).status).toBe(200);
		const broken = request(path, { method: "POST", body: "{", headers: { "content-type": "application/json" } });
		expect(await problemsOf(broken)).toEqual(["body.0 json_invalid"]);
	});

	it("22 a token is good for its models alone, and until it expires", async () => {
		const { submit, minted, pass } = createTokens();
		const headers = { "x-api-key": await minted({ allowedModels: ["lucy-2.1"] }) };
		expect(await refusalOf(submit("lucy-clip", undefined, headers))).toEqual([403, { detail: "Model is not allowed for this API key" }]);
		for (const model of ["lucy-2.1", "lucy-2"]) expect((await submit(model, undefined, headers)).status).toBe(200);
		await pass(60_000);
		expect(await refusalOf(submit("lucy-2.1", undefined, headers))).toEqual([401, { detail: "Invalid API key" }]);
	});
});

describe("a client token", () => {
	it("is refused in a browser elsewhere; what is no browser sends no Origin", async () => {
		const { request, minted } = createTokens();
		const token = { "x-api-key": await minted({ allowedOrigins: ["https://app.example"] }) };
		const ask = (headers: object) => request("/v1/realtime/quota", { headers: { ...token, ...headers } });
		expect(await refusalOf(ask({ origin: "https://evil.example" }))).toEqual([403, { detail: "Origin is not allowed for this API key" }]);
		expect((await ask({ origin: "https://app.example" })).status).toBe(200);
		expect((await ask({})).status).toBe(200);
		expect((await request("/v1/realtime/quota", { headers: { "x-api-key": key, origin: "https://evil.example" } })).status).toBe(200);
	});

	it("makes jobs that are its parent's, and outlive it", async () => {
		const { submit, minted, pass, request, status } = createTokens();
		const headers = { "x-api-key": await minted({}) };
		const { job_id } = await read<{ job_id: string }>(await submit("lucy-clip", undefined, headers));
		expect((await request(`/v1/jobs/${job_id}`, { headers })).status).toBe(200);
		await pass(60_000);
		expect(await status(job_id)).toBe("completed");
	});
});
