import { sql } from "drizzle-orm";
import type { Blobs, ByteRange } from "../core/blobs.ts";
import { inPieces } from "../core/pieces.ts";
import { compileSql } from "../db/compile.ts";
import { ConstraintError, type Db } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

/** What the server reads of a blob at once, and what a row of it weighs in a backup. */
const PIECE_BYTES = 262_144;

const insertPiece = compileSql<{ key: string; n: number; base64: string }, never>(
	[],
	(p) => sql`INSERT INTO blob_chunks (key, n, bytes) VALUES (${p.key}, ${p.n}, decode(${p.base64}, 'base64'))`,
);
const lastOf = compileSql<{ key: string }, { last: number }>(
	["last"],
	(p) => sql`SELECT (SELECT max(n) FROM blob_chunks WHERE key = ${p.key})::int4 AS last FROM blob_chunks WHERE key = ${p.key} AND n = 0`,
);
const pieceOf = compileSql<{ key: string; n: number }, { base64: string }>(
	["base64"],
	(p) => sql`SELECT encode(bytes, 'base64') AS base64 FROM blob_chunks WHERE key = ${p.key} AND n = ${p.n}`,
);
const piecesOf = compileSql<{ key: string }, { base64: string }>(
	["base64"],
	(p) => sql`SELECT encode(bytes, 'base64') AS base64 FROM blob_chunks WHERE key = ${p.key} ORDER BY n`,
);
/** Every blob has a first piece, the empty one, too. */
const keysBehind = compileSql<{ after: string; end: string; limit: number }, { key: string }>(
	["key"],
	(p) => sql`SELECT key FROM blob_chunks WHERE key > ${p.after} AND key < ${p.end} AND n = 0 ORDER BY key LIMIT ${p.limit}`,
);
const deletePieces = compileSql<{ key: string }, never>([], (p) => sql`DELETE FROM blob_chunks WHERE key = ${p.key}`);

/** Blobs in pieces in the database itself: every process reaches them. */
export function openPostgresBlobs(db: Db): Blobs {
	return {
		async put(key, bytes) {
			await db.batch(insertsOf(key, 0, bytes)); // all of it or nothing
		},
		async write(key, chunks) {
			let next = 0;
			try {
				for await (const some of inPieces(chunks, PIECE_BYTES)) {
					const inserts = insertsOf(key, next, some);
					next += inserts.length;
					await db.batch(inserts); // the first piece first: a process that is killed leaves a blob that is listed, and so found
				}
				if (next === 0) await db.batch(insertsOf(key, 0, new Uint8Array(0)));
			} catch (e) {
				const notOurs = next <= 1 && e instanceof ConstraintError;
				if (next > 0 && !notOurs) await db.batch([deletePieces.bind({ key })]).catch(() => {}); // the first error says more
				throw e;
			}
		},
		async get(key) {
			const pieces = await db.read(piecesOf.bind({ key }));
			return pieces.length === 0 ? null : Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, "base64")));
		},
		async read(key, range) {
			const [found] = await db.read(lastOf.bind({ key }));
			return found === undefined ? null : chunksOf(db, key, found.last, range);
		},
		async list(kind, after, limit) {
			const rows = await db.read(keysBehind.bind({ after: after || `${kind}/`, end: `${kind}0`, limit })); // 0 comes after /
			return rows.map(({ key }) => key);
		},
		async delete(keys) {
			if (keys.length > 0) await db.batch(keys.map((key) => deletePieces.bind({ key })));
		},
	};
}

/** The pieces that these bytes make, the `first` and those behind it; one of no bytes. */
function insertsOf(key: string, first: number, bytes: Uint8Array) {
	const inserts = [];
	for (let at = 0; at === 0 || at < bytes.length; at += PIECE_BYTES) {
		const base64 = Buffer.from(bytes.subarray(at, at + PIECE_BYTES)).toString("base64");
		inserts.push(insertPiece.bind({ key, n: first + inserts.length, base64 }));
	}
	return inserts;
}

async function* chunksOf(db: Db, key: string, last: number, range: ByteRange | undefined): AsyncGenerator<Uint8Array, void, undefined> {
	const { start, end } = range ?? { start: 0, end: Number.POSITIVE_INFINITY };
	for (let n = Math.floor(start / PIECE_BYTES); n <= last && n * PIECE_BYTES <= end; n++) {
		const [piece] = await db.read(pieceOf.bind({ key, n }));
		if (piece === undefined) throw new JobhookError("unavailable", "a large body was deleted while it was read");
		const at = n * PIECE_BYTES;
		yield Buffer.from(piece.base64, "base64").subarray(Math.max(0, start - at), Math.max(0, end + 1 - at));
	}
}
