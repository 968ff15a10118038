import { describe, expect, inject, it, vi } from "vitest";
import { ConstraintError } from "../../src/db/db.ts";
import { openPostgresBlobs } from "../../src/node/postgres-blobs.ts";
import { blobsSuite, chunked, keyAt, together } from "../suite/blobs.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

const NOW = Date.now();
const PIECE = 262_144;

async function emptyBlobs() {
	const db = await emptyPostgres();
	await db.raw`DELETE FROM blob_chunks`;
	return { db, ...openPostgresBlobs(db) };
}

describe.skipIf(inject("postgresUrl") === null)("blobs on PostgreSQL", () => {
	blobsSuite(async () => {
		const { db: _, ...blobs } = await emptyBlobs();
		return blobs;
	});

	it.each([0, 1, PIECE, PIECE + 1, 5 * PIECE])("keep %i bytes in pieces of 256 KiB, and one at least", async (size) => {
		const { db, ...blobs } = await emptyBlobs();
		await blobs.put(keyAt(NOW), new Uint8Array(size).fill(7));
		const pieces = await db.raw<{ bytes: number }[]>`SELECT length(bytes) AS bytes FROM blob_chunks ORDER BY n`;
		expect(pieces.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(size);
		expect(pieces).toHaveLength(Math.max(1, Math.ceil(size / PIECE)));
		expect(Math.max(...pieces.map(({ bytes }) => bytes))).toBeLessThanOrEqual(PIECE);
	});

	it("have all of a blob or nothing: a piece that is refused takes the others with it, and no second put changes the first", async () => {
		const { db, ...blobs } = await emptyBlobs();
		const [key, other] = [keyAt(NOW), keyAt(NOW)];
		await db.raw`INSERT INTO blob_chunks (key, n, bytes) VALUES (${key}, 2, '')`;
		await expect(blobs.put(key, new Uint8Array(4 * PIECE))).rejects.toThrow(ConstraintError);
		expect(await db.raw`SELECT n::int4 FROM blob_chunks WHERE key = ${key}`).toMatchObject([{ n: 2 }]);
		await blobs.put(other, new Uint8Array([1]));
		await expect(blobs.put(other, new Uint8Array(2 * PIECE))).rejects.toThrow(ConstraintError);
		expect(await blobs.get(other)).toEqual(Buffer.from([1]));
	});

	it("are written a piece at a time, the first of them first: what a crash leaves is listed", async () => {
		const { db, ...blobs } = await emptyBlobs();
		const [key, batches] = [keyAt(NOW), vi.spyOn(db, "batch")];
		const listed: string[][] = [];
		async function* source() {
			for (let i = 0; i < 3; i++) {
				for (let n = 0; n < 4; n++) yield new Uint8Array(PIECE).fill(i);
				listed.push(await blobs.list("inputs", "", 10));
			}
		}
		await blobs.write(key, source());
		expect(batches.mock.calls.map(([work]) => work.length)).toEqual(Array(12).fill(1));
		expect(listed).toEqual([[key], [key], [key]]);
		expect((await together(await blobs.read(key)))?.length).toBe(12 * PIECE);
	});

	it("are gone from a write that was refused half-way, and no second write changes the first", async () => {
		const { db, ...blobs } = await emptyBlobs();
		const [key, other] = [keyAt(NOW), keyAt(NOW)];
		await db.raw`INSERT INTO blob_chunks (key, n, bytes) VALUES (${key}, 6, '')`;
		await expect(blobs.write(key, chunked(new Uint8Array(9 * PIECE), [PIECE]))).rejects.toThrow(ConstraintError);
		expect(await db.raw`SELECT n::int4 FROM blob_chunks WHERE key = ${key}`).toEqual([]);
		await blobs.put(other, new Uint8Array([1]));
		await expect(blobs.write(other, chunked(new Uint8Array(2 * PIECE), [PIECE]))).rejects.toThrow(ConstraintError);
		expect(await blobs.get(other)).toEqual(Buffer.from([1]));
	});

	it("that are deleted while they are read are not just shorter", async () => {
		const blobs = openPostgresBlobs((await emptyBlobs()).db);
		const key = keyAt(NOW);
		await blobs.put(key, new Uint8Array(3 * PIECE));
		const reader = (await blobs.read(key))!;
		const read = async () => {
			for await (const _ of reader) await blobs.delete([key]);
		};
		await expect(read()).rejects.toMatchObject({ code: "unavailable" });
	});

	it("are refused as unavailable by a server that cuts them off, and well again with the next connection", async () => {
		const { db, ...blobs } = await emptyBlobs();
		const key = keyAt(NOW);
		await blobs.put(key, new Uint8Array(3 * PIECE).fill(9));
		const reads = Promise.allSettled(Array.from({ length: 8 }, () => blobs.get(key)));
		await db.raw`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
		for (const read of await reads) {
			if (read.status === "rejected") expect(read.reason).toMatchObject({ code: "unavailable" });
			else expect(read.value?.length).toBe(3 * PIECE);
		}
		await vi.waitFor(async () => expect((await blobs.get(key))?.length).toBe(3 * PIECE));
	});
});
