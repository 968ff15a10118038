import { describe, expect, it } from "vitest";
import { createWorld, formOf, key, otherKey, read, refusalOf, whole } from "./world.ts";

const routes = [
	["POST", "/v1/jobs/lucy-clip"],
	["GET", "/v1/jobs/unknown"],
	["GET", "/v1/jobs/unknown/content"],
	["POST", "/v1/generate/lucy-image-2"],
	["POST", "/v1/client/tokens"],
	["POST", "/v1/files"],
	["GET", "/v1/files/file_x"],
	["DELETE", "/v1/files/file_x"],
	["GET", "/v1/realtime/quota"],
	["POST", "/v1/models/resolve"],
] as const;

describe("Decart conformance: keys and paths", () => {
	it("27 without a key, or with a wrong one, every route refuses in JSON", async () => {
		const { request, patch } = createWorld();
		for (const [method, path] of routes) {
			for (const wrong of ["", "dct_wrong", `${key}x`]) {
				const expected = path.endsWith("tokens") ? { error: "Invalid API key" } : { detail: "Invalid API key" };
				expect(await refusalOf(request(path, { method, headers: { "x-api-key": wrong } }))).toEqual([401, expected]);
			}
		}
		await patch({ missingKey: 422 }); // as a live probe was answered
		const detail = [{ type: "missing", loc: ["header", "x-api-key"], msg: "Field required", input: null }];
		for (const [method, path] of routes) {
			expect(await refusalOf(request(path, { method, headers: { "x-api-key": "" } }))).toEqual([422, { detail }]);
		}
	});

	it("28 doubled slashes are one, and the proxy's prefix leads to the same", async () => {
		const { request, status } = createWorld();
		for (const prefix of ["/", "/api/decart", "//api//decart/"]) {
			const answer = await request(`${prefix}/v1/jobs/lucy-2.1`, { method: "POST", body: formOf(whole) });
			const { job_id } = await read<{ job_id: string }>(answer);
			expect(await status(job_id)).toBe("pending");
			expect((await request(`${prefix}/v1//jobs/${job_id}`)).status).toBe(200);
		}
	});
});

describe("routes", () => {
	it("that are none are 404, and wrong methods 405, in JSON", async () => {
		const { request } = createWorld();
		for (const path of ["/", "/v1/nope", "/api/decart/v1/nope"]) {
			expect(await refusalOf(request(path))).toEqual([404, { detail: "Not Found" }]);
		}
		const wrong = await request("/v1/client/tokens");
		expect(wrong.headers.get("allow")).toBe("POST");
		expect(await refusalOf(wrong)).toEqual([405, { detail: "Method Not Allowed" }]);
		expect((await request("/v1/jobs/x", { method: "DELETE" })).headers.get("allow")).toBe("GET, POST");
	});

	it("have a rate limit per key where a knob sets one", async () => {
		const { request, pass, patch } = createWorld();
		await patch({ rateLimit: { perMinute: 2 } });
		const ask = (who = key) => request("/v1/realtime/quota", { headers: { "x-api-key": who } });
		expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
		await pass(15_000);
		const refused = await ask();
		expect(refused.headers.get("retry-after")).toBe("45");
		expect(await refusalOf(refused)).toEqual([429, { detail: "Too Many Requests" }]);
		expect((await ask(otherKey)).status).toBe(200);
		await pass(45_000);
		expect((await ask()).status).toBe(200);
	});
});
