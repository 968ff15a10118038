import { and, desc, eq, gt, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { inPage, type PageSlots, type PageValues } from "../db/page.ts";
import { files } from "../db/schema.ts";

const shown = {
	id: files.id,
	name: files.name,
	contentType: files.contentType,
	sizeBytes: files.sizeBytes,
	sha256: files.sha256,
	blob: files.blob,
	createdAt: files.createdAt,
	expiresAt: files.expiresAt,
};
type OfFile = Slots<{ app: string; file: string }>;

export const insertFile = insertRow(files);
export const fileById = compile((p: OfFile & Slots<{ now: number }>) =>
	q
		.select(shown)
		.from(files)
		.where(and(eq(files.id, p.file), eq(files.appId, p.app), gt(files.expiresAt, p.now))),
);
export const filesOfApp = compile((p: PageSlots & Slots<PageValues & { now: number }>) =>
	q
		.select(shown)
		.from(files)
		.where(and(eq(files.appId, p.app), inPage(files.id, p), gt(files.expiresAt, p.now)))
		.orderBy(desc(files.id))
		.limit(sql.placeholder("rows")),
);
/** One whose id nobody was told. */
export const dropFile = compile((p: OfFile) =>
	q
		.delete(files)
		.where(and(eq(files.id, p.file), eq(files.appId, p.app)))
		.returning({ id: files.id }),
);
/** Its row goes like that of one that has expired: a submit may have read it just now. */
export const expireFile = compile((p: OfFile & Slots<{ now: number }>) =>
	q
		.update(files)
		.set({ expiresAt: sql`${p.now}` })
		.where(and(eq(files.id, p.file), eq(files.appId, p.app), gt(files.expiresAt, p.now)))
		.returning({ id: files.id }),
);
