import { describe, expect, it } from "vitest";
import { createWorld, otherKey, type Parts, problemsOf, read, refusalOf } from "./world.ts";

interface FileAnswer {
	id: string;
	expires_at: string | null;
}
const picture = new File([new Uint8Array(10)], "fox.png", { type: "image/png" });
const gone = [404, { detail: "File not found" }];

function createFilesWorld() {
	const world = createWorld();
	const upload = (parts: Parts) => world.form("/v1/files", parts);
	return { ...world, upload, uploaded: async (parts: Parts) => read<FileAnswer>(await upload(parts)) };
}

describe("Decart conformance: files", () => {
	it("23 an upload is told with six fields, and how long it is kept can be chosen", async () => {
		const { uploaded, upload, now } = createFilesWorld();
		const inSeconds = (seconds: number) => new Date(now() + seconds * 1000).toISOString();
		expect(await uploaded({ file: picture })).toEqual({
			id: expect.stringMatching(/^file_\w+$/),
			filename: "fox.png",
			mime_type: "image/png",
			size_bytes: 10,
			created_at: inSeconds(0),
			expires_at: inSeconds(86_400),
		});
		expect((await uploaded({ file: picture, ttl_seconds: "2592000" })).expires_at).toBe(inSeconds(2_592_000));
		expect((await uploaded({ file: picture, ttl_seconds: "persistent" })).expires_at).toBe(null);
		for (const ttl_seconds of ["59", "2592001", "1h"]) {
			expect(await problemsOf(upload({ file: picture, ttl_seconds }))).toEqual(["body.ttl_seconds value_error"]);
		}
		expect(await problemsOf(upload({}))).toEqual(["body.file missing"]);
	});

	it("24 a file is shown until it is deleted", async () => {
		const { uploaded, request } = createFilesWorld();
		const file = await uploaded({ file: picture });
		const path = `/v1/files/${encodeURIComponent(file.id)}`;
		expect(await read(await request(path))).toEqual(file);
		expect(await refusalOf(request("/v1/files/file_unknown"))).toEqual(gone);
		const deleted = await request(path, { method: "DELETE" });
		expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
		expect(await refusalOf(request(path))).toEqual(gone);
		expect(await refusalOf(request(path, { method: "DELETE" }))).toEqual(gone);
	});

	it("25 the quota has three keys: numbers, or null for no limit", async () => {
		const { request, patch } = createFilesWorld();
		const quota = async () => read(await request("/v1/realtime/quota"));
		expect(await quota()).toEqual({ limit: null, active: null, remaining: null });
		await patch({ quota: { limit: 5, active: 2 } });
		expect(await quota()).toEqual({ limit: 5, active: 2, remaining: 3 });
	});

	it("26 names are resolved to what serves them", async () => {
		const { post, patch } = createFilesWorld();
		const resolve = async (body: object) => read(await post("/v1/models/resolve", body));
		expect(await resolve({ model: "lucy-latest" })).toEqual({ model_id: "lucy-2.5", model_ids: null });
		const models = ["lucy-vton-latest", "lucy-pro-i2i", "lucy-clip", "nope"];
		const model_ids = { "lucy-vton-latest": "lucy-vton-3", "lucy-pro-i2i": "lucy-image-2", "lucy-clip": "lucy-clip" };
		expect(await resolve({ models })).toEqual({ model_id: null, model_ids });
		await patch({ aliases: { "lucy-vton-latest": "lucy-vton-3.5" } });
		expect(await resolve({ model: "lucy-vton-latest" })).toMatchObject({ model_id: "lucy-vton-3.5" });
		expect(await problemsOf(post("/v1/models/resolve", { models: "lucy-clip" }))).toEqual(["body.models list_type"]);
		expect(await problemsOf(post("/v1/models/resolve", { model: 1 }))).toEqual(["body.model string_type"]);
	});
});

describe("a file", () => {
	it("is gone when its time is over, and is its owner's alone", async () => {
		const { uploaded, request, pass } = createFilesWorld();
		const { id } = await uploaded({ file: picture, ttl_seconds: "60" });
		expect(await refusalOf(request(`/v1/files/${id}`, { headers: { "x-api-key": otherKey } }))).toEqual(gone);
		await pass(59_999);
		expect((await request(`/v1/files/${id}`)).status).toBe(200);
		await pass(1);
		expect(await refusalOf(request(`/v1/files/${id}`))).toEqual(gone);
	});

	it("may be too big", async () => {
		const { upload, patch } = createFilesWorld();
		await patch({ fileMaxBytes: 9 });
		expect(await refusalOf(upload({ file: picture }))).toEqual([413, { detail: "Too big" }]);
	});
});
