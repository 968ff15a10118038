import { describe, expect, it } from "vitest";
import { fromPairs } from "../../../src/sandbox/form.ts";
import { createWorld, fullBody, minimalBody } from "./world.ts";

const path = "/api/v1/client/txt2img";
const form = { prompt: "fox", model: "Flux1schnell", width: "256", height: "256", seed: "-1", guidance: "3.5", steps: "4" };

describe("bodies", () => {
	it("urlencoded numbers are numbers", async () => {
		const { request, calls } = createWorld();
		const answer = await request(path, { method: "POST", body: new URLSearchParams(form) });
		expect(answer.status).toBe(200);
		expect((await calls())[0]?.body).toEqual(form);
	});

	it("multipart is read as well, and an empty part is a missing one", async () => {
		const { request } = createWorld({ strict: true });
		const data = new FormData();
		for (const [name, value] of Object.entries({ ...form, negative_prompt: "", webhook_url: "" })) data.append(name, value);
		expect((await request(path, { method: "POST", body: data })).status).toBe(200);
		data.set("prompt", "   ");
		const answer = await request(path, { method: "POST", body: data });
		expect(await answer.json()).toMatchObject({ errors: { prompt: ["The prompt field is required."] } });
	});

	it("23: bracket keys of a form are one lora", async () => {
		const { request } = createWorld();
		const loras = { "loras[0][name]": "soft", "loras[0][weight]": "-1" };
		const answer = await request(path, { method: "POST", body: new URLSearchParams({ ...form, ...loras }) });
		expect(await answer.json()).toMatchObject({ errors: { "loras.0.weight": ["The loras.0.weight field must be at least 0."] } });
	});

	it("JSON without a content type is read, fields nobody knows are ignored", async () => {
		const { request } = createWorld();
		const body = new TextEncoder().encode(JSON.stringify({ ...minimalBody, guidance_scale: 3, return_result_in_response: true }));
		expect((await request(path, { method: "POST", body })).status).toBe(200);
	});

	it("a broken body counts as an empty one", async () => {
		const { request, submit } = createWorld();
		const headers = { "content-type": "application/json" };
		for (const body of ["{", "[1]", '"text"', "null", ""]) {
			const answer = await request(path, { method: "POST", headers, body });
			expect(answer.status).toBe(422);
			expect(await answer.json()).toMatchObject({ message: "The prompt field is required. (and 4 more errors)" });
		}
		expect((await submit({ ...fullBody, negative_prompt: null })).status).toBe(200);
	});

	it("33: a body past 75 MB is answered 413", async () => {
		const { request } = createWorld();
		const headers = { "content-type": "application/json", "content-length": String(76 * 1024 * 1024) };
		expect((await request(path, { method: "POST", headers, body: JSON.stringify(minimalBody) })).status).toBe(413);
	});

	it("keys that name an object's innards are ordinary names", () => {
		const fields = fromPairs([
			["__proto__[polluted]", "1"],
			["a[__proto__][polluted]", "1"],
			["list[]", "x"],
			["list[]", "y"],
		]);
		expect({}).not.toHaveProperty("polluted");
		expect(fields["list"]).toEqual(["x", "y"]);
		expect(Object.keys(fields)).toEqual(["__proto__", "a", "list"]);
	});
});
