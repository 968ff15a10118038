import { type SQL, sql } from "drizzle-orm";
import { type BlobKind, type BlobName, readBlobKey } from "../core/blobs.ts";
import { compileSql, type Slots } from "../db/compile.ts";
import type { Stmt } from "../db/db.ts";
import { apps, files, jobFiles, jobs, results } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import type { Broom } from "./broom.ts";

/** Keys that one step looks at: each is one bound value, and D1 takes a hundred. */
const KEYS = 50;
/** A blob is put before its row: one that is younger may still get it. */
const GRACE_MS = 86_400_000;
/** R2 is paid by the look. */
const REST_MS = 3_600_000;

/** `id0` to `id49`; those that are not needed are bound to nobody's id. */
type Ids = Record<string, string>;
const IDS = Array.from({ length: KEYS }, (_, i) => `id${i}`);
const idsOf = (ids: readonly string[]): Ids => Object.fromEntries(IDS.map((name, i) => [name, ids[i] ?? ""]));
const among = (p: Slots<Ids>): SQL => {
	const slots = IDS.map((name) => sql`${p[name]}`);
	return sql`IN (${sql.join(slots, sql`, `)})`;
};

type Named = Stmt<Ids, { key: string }>;
export const inputsNamed: Named = compileSql(
	["key"],
	(p) => sql`SELECT input_blob AS key FROM ${jobs} WHERE id ${among(p)} AND input_blob IS NOT NULL`,
);
export const resultsNamed: Named = compileSql(
	["key"],
	(p) => sql`SELECT content_blob AS key FROM ${results} WHERE job_id ${among(p)} AND content_blob IS NOT NULL`,
);
/** A file is kept until it expires, and while a job that is not over yet names it. */
export const filesNamed: Named = compileSql(
	["key"],
	(p) => sql`SELECT blob AS key FROM ${files} WHERE id ${among(p)}
		UNION SELECT used.blob AS key FROM ${jobFiles} used JOIN ${jobs} j ON j.id = used.job_id WHERE used.file_id ${among(p)} AND j.ended_at IS NULL`,
);
export const appsKnown = compileSql<Ids, { id: string }>(["id"], (p) => sql`SELECT id FROM ${apps} WHERE id ${among(p)}`);

/** Blobs that no row names: of a job that was removed, or of a request that came no further. */
const blobsOf = (kind: BlobKind, named: Named): Broom => ({
	name: `blobs of ${kind}`,
	restMs: REST_MS,
	async step({ db, blobs, clock }, after) {
		const before = clock.now() - GRACE_MS;
		const keys = await blobs.list(kind, after.id, KEYS);
		const names = keys.flatMap((key) => readBlobKey(key) ?? []);
		const old = names.filter(({ putAt }) => putAt <= before);
		const doomed = await withoutRow(db, named, old);
		if (doomed.length > 0) await blobs.delete(doomed);
		// a row is older than its blobs, and keys are in the order of the rows' times: behind a young one none is old
		const over = keys.length < KEYS || names.some(({ rowAt }) => rowAt > before);
		return { removed: doomed.length, next: over ? null : { at: 0, id: keys.at(-1) ?? "" } };
	},
});

/** The keys that no row names. What another database has put into the same store stays: its apps are unknown here. */
async function withoutRow(db: Deps["db"], named: Named, blobs: BlobName[]): Promise<string[]> {
	if (blobs.length === 0) return [];
	const [rows, known] = await Promise.all([
		db.read(named.bind(idsOf(blobs.map(({ row }) => row)))),
		db.read(appsKnown.bind(idsOf(blobs.map(({ app }) => app)))),
	]);
	const [taken, ours] = [new Set(rows.map(({ key }) => key)), new Set(known.map(({ id }) => id))];
	return blobs.flatMap(({ key, app }) => (ours.has(app) && !taken.has(key) ? [key] : []));
}

export const oldInputs = blobsOf("inputs", inputsNamed);
export const oldResults = blobsOf("results", resultsNamed);
export const oldFileBlobs = blobsOf("files", filesNamed);
