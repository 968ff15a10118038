import { sql } from "drizzle-orm";
import type { Blobs } from "../core/blobs.ts";
import { compileSql } from "../db/compile.ts";
import type { Db } from "../db/db.ts";

/** What the server reads of a blob at once, and what a row of it weighs in a backup. */
const PIECE_BYTES = 262_144;

const insertPiece = compileSql<{ key: string; n: number; base64: string }, never>(
	[],
	(p) => sql`INSERT INTO blob_chunks (key, n, bytes) VALUES (${p.key}, ${p.n}, decode(${p.base64}, 'base64'))`,
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

/** Blobs in pieces in the database itself: every process reaches them, and one batch writes all of one or nothing. */
export function openPostgresBlobs(db: Db): Blobs {
	return {
		async put(key, bytes) {
			const pieces = [];
			for (let at = 0; at === 0 || at < bytes.length; at += PIECE_BYTES) {
				const base64 = Buffer.from(bytes.subarray(at, at + PIECE_BYTES)).toString("base64");
				pieces.push(insertPiece.bind({ key, n: pieces.length, base64 }));
			}
			await db.batch(pieces);
		},
		async get(key) {
			const pieces = await db.read(piecesOf.bind({ key }));
			return pieces.length === 0 ? null : Buffer.concat(pieces.map(({ base64 }) => Buffer.from(base64, "base64")));
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
