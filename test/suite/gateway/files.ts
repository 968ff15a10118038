import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import type { Db } from "../../../src/db/db.ts";
import { Retention } from "../../../src/retention.ts";
import { openWorld, type World } from "../../support/world.ts";
import { CLIP, edited, PICTURE, sha256, upload } from "./decart-tools.ts";
import { as, otherApp, type Refusal, refusalOf, rowCount } from "./doors.ts";
import { fileResults } from "./files-results.ts";
import { fileSubmits } from "./files-submit.ts";

const HOUR = 3_600_000;
const MIB = 1_048_576;
type Parts = [name: string, value: string | Uint8Array<ArrayBuffer>, filename?: string][];

export function formOf(parts: Parts): FormData {
	const form = new FormData();
	for (const [name, value, filename] of parts)
		if (typeof value === "string") form.append(name, value);
		else form.append(name, new Blob([value]), filename ?? "clip.mp4");
	return form;
}

export function files(open: () => Promise<Db>): void {
	fileSubmits(open);
	fileResults(open);

	describe("an uploaded file", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { FILE_MAX_MB: "1" } });
		});
		afterEach(() => world.close());

		const send = (body: FormData | string, headers: Record<string, string> = {}) =>
			world.request("/v1/files", { method: "POST", body, headers });
		const refused = async (response: Response): Promise<[number, Refusal]> => [response.status, await refusalOf(response)];
		const list = async (query = "") =>
			(await (await world.request(`/v1/files${query}`)).json()) as { data: { id: string }[]; next_cursor: string | null };

		it("is kept as it came, and told with what its bytes say", async () => {
			const response = await send(formOf([["file", CLIP, "C:\\clips\\ein Fuchs.txt"]]));
			expect(response.status).toBe(201);
			const file = (await response.json()) as { id: string };
			expect(file).toEqual({
				id: expect.stringMatching(/^file_[0-9a-f]{32}$/),
				name: "ein Fuchs.txt",
				content_type: "video/mp4",
				size_bytes: CLIP.length,
				sha256: sha256(CLIP),
				created_at: "2026-01-15T10:30:45.000Z",
				expires_at: "2026-01-16T10:30:45.000Z",
			});
			const [key] = world.blobs.keys("files");
			expect(key?.startsWith(`files/${file.id}.${world.appId}.`)).toBe(true);
			expect(world.blobs.kept.get(key!)).toEqual(CLIP);
			expect(await (await world.request(`/v1/files/${file.id}`)).json()).toEqual(file);
			expect(await (await world.request(`/v1/files/${file.id.slice(5)}`)).json()).toEqual(file);
		});

		it.each<[string, Uint8Array<ArrayBuffer>, string]>([
			["a picture", PICTURE, "image/png"],
			["a page", new TextEncoder().encode("<!doctype html><script>alert(1)</script>"), "application/octet-stream"],
			["one byte", new Uint8Array(1), "application/octet-stream"],
			["as many bytes as are taken", new Uint8Array(MIB), "application/octet-stream"],
		])("that is %s is of the type of its bytes", async (_, bytes, type) => {
			const response = await send(formOf([["file", bytes, "a.mp4"]]));
			expect(await response.json()).toMatchObject({ content_type: type, size_bytes: bytes.length });
		});

		it("lives as long as was asked, and no longer", async () => {
			const day = await upload(world);
			const minute = (await (
				await send(
					formOf([
						["ttl_seconds", "60"],
						["file", CLIP],
					]),
				)
			).json()) as { id: string };
			const month = (await (
				await send(
					formOf([
						["file", CLIP],
						["ttl_seconds", "2592000"],
					]),
				)
			).json()) as { id: string };
			const there = async () => new Set((await list()).data.map(({ id }) => id));
			expect(await there()).toEqual(new Set([month.id, minute.id, day]));
			world.jump(60_000);
			expect(await there()).toEqual(new Set([month.id, day]));
			expect((await world.request(`/v1/files/${minute.id}`)).status).toBe(404);
			world.jump(24 * HOUR);
			expect(await there()).toEqual(new Set([month.id]));
		});

		it("is listed in pages, newest first", async () => {
			const ids: string[] = [];
			for (let i = 0; i < 3; i++) {
				ids.unshift(await upload(world));
				world.jump(1000);
			}
			const first = await list("?limit=2");
			expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
			const second = await list(`?limit=2&cursor=${first.next_cursor}`);
			expect([second.data.map(({ id }) => id), second.next_cursor]).toEqual([ids.slice(2), null]);
		});

		it("is gone when it was deleted, and its bytes a day later", async () => {
			const id = await upload(world);
			const response = await world.request(`/v1/files/${id}`, { method: "DELETE" });
			expect([response.status, await response.text()]).toEqual([204, ""]);
			for (const method of ["GET", "DELETE"]) expect((await world.request(`/v1/files/${id}`, { method })).status).toBe(404);
			expect((await list()).data).toEqual([]);
			world.jump(25 * HOUR);
			const retention = new Retention(world.deps);
			while (!(await retention.stretch()));
			expect(world.blobs.keys("files")).toEqual([]);
		});

		it("is nobody else's", async () => {
			const id = await upload(world);
			const headers = as((await otherApp(world)).key);
			for (const method of ["GET", "DELETE"]) expect((await world.request(`/v1/files/${id}`, { method, headers })).status).toBe(404);
			expect(await (await world.request("/v1/files", { headers })).json()).toEqual({ data: [], next_cursor: null });
			expect((await world.request(`/v1/files/${id}`)).status).toBe(200);
		});

		it("is taken from a key that submits, and only shown to one that reads", async () => {
			const headersOf = async (scope: "submit" | "read") =>
				as((await createKey(world.deps, world.appId, { name: "t", scopes: [scope] })).key);
			const [submitter, reader] = [await headersOf("submit"), await headersOf("read")];
			expect((await send(formOf([["file", CLIP]]), reader)).status).toBe(403);
			expect(world.blobs.keys("files")).toEqual([]);
			const made = await send(formOf([["file", CLIP]]), submitter);
			const { id } = (await made.json()) as { id: string };
			expect((await world.request(`/v1/files/${id}`, { headers: reader })).status).toBe(200);
			expect((await world.request(`/v1/files/${id}`, { method: "DELETE", headers: reader })).status).toBe(403);
			expect((await world.request(`/v1/files/${id}`, { method: "DELETE", headers: submitter })).status).toBe(204);
		});

		it.each<[string, Parts, string, string]>([
			["no file", [["ttl_seconds", "60"]], "file", "is missing"],
			["an empty one", [["file", new Uint8Array(0)]], "file", "is empty"],
			[
				"two",
				[
					["file", CLIP],
					["file", CLIP],
				],
				"file",
				"comes twice",
			],
			[
				"another part",
				[
					["file", CLIP],
					["data", CLIP],
				],
				"data",
				"the file goes into a part named file",
			],
			[
				"a life that is too short",
				[
					["file", CLIP],
					["ttl_seconds", "59"],
				],
				"ttl_seconds",
				"from 60 to 2592000",
			],
			[
				"a life that is too long",
				[
					["ttl_seconds", "2592001"],
					["file", CLIP],
				],
				"ttl_seconds",
				"from 60 to 2592000",
			],
			[
				"a life that is no number",
				[
					["ttl_seconds", "1h"],
					["file", CLIP],
				],
				"ttl_seconds",
				"from 60 to 2592000",
			],
			[
				"two lives",
				[
					["ttl_seconds", "60"],
					["ttl_seconds", "60"],
					["file", CLIP],
				],
				"ttl_seconds",
				"comes twice",
			],
		])("that is %s is refused by the name of its part, and no row is left", async (_, parts, field, message) => {
			const before = await rowCount(world.deps.db);
			const [status, { details }] = await refused(await send(formOf(parts)));
			expect([status, details]).toEqual([422, [{ field, message: expect.stringContaining(message) }]]);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("that is too large is refused, and nothing of it stays", async () => {
			const [status, { code, message }] = await refused(await send(formOf([["file", new Uint8Array(MIB + 1)]])));
			expect([status, code, message]).toEqual([413, "payload_too_large", expect.stringContaining("FILE_MAX_MB")]);
			expect([world.blobs.keys("files"), (await list()).data]).toEqual([[], []]);
		});

		it.each([
			["no multipart", "{}", "application/json", 415],
			["a form of the other kind", "file=a", "application/x-www-form-urlencoded", 415],
			["multipart without a boundary", "--a--", "multipart/form-data", 400],
			[
				"multipart that breaks off",
				'--a\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf',
				"multipart/form-data; boundary=a",
				400,
			],
		])("that comes as %s is refused", async (_, body, type, status) => {
			const response = await send(body, { "content-type": type });
			expect([response.status, (await refusalOf(response)).message]).toEqual([status, expect.stringContaining("multipart")]);
			expect((await list()).data).toEqual([]);
		});

		it("that cannot be kept is a 503, whichever store is sick", async () => {
			world.blobs.breaks("write");
			const response = await send(formOf([["file", CLIP]]));
			expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
			world.blobs.breaks();
			const { batch } = world.deps.db;
			world.deps.db.batch = () => Promise.reject(new Error("secret"));
			expect((await send(formOf([["file", CLIP]]))).status).toBe(500);
			world.deps.db.batch = batch;
			expect((await list()).data).toEqual([]);
		});

		it("can be named by any number of jobs", async () => {
			const data = await upload(world);
			const jobs = [await edited(world, {}, { data }), await edited(world, {}, { data })];
			await world.pass(10_000);
			for (const job of jobs) expect((await world.job(job)).state).toBe("completed");
		});
	});
}
