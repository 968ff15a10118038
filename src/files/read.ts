import { iso } from "../core/clock.ts";
import type { RowOf } from "../db/db.ts";
import { type Page, valuesOf } from "../db/page.ts";
import type { Deps } from "../deps.ts";
import { fileById, filesOfApp } from "./sql.ts";

type Ports = Pick<Deps, "db" | "clock">;

/** Null: this app has no such file, or it has expired. */
export async function readFile(deps: Ports, appId: string, fileId: string) {
	const [row] = await deps.db.read(fileById.bind({ app: appId, file: fileId, now: deps.clock.now() }));
	return row === undefined ? null : showFile(row);
}

/** Files of an app that jobs may name, newest first; one more than the page shows. */
export async function listFiles(deps: Ports, appId: string, page: Page) {
	const rows = await deps.db.read(filesOfApp.bind({ ...valuesOf(appId, page), now: deps.clock.now() }));
	return rows.map(showFile);
}

export const showFile = (row: RowOf<typeof fileById>) => ({
	id: row.id,
	name: row.name,
	content_type: row.contentType,
	size_bytes: row.sizeBytes,
	sha256: row.sha256,
	created_at: iso(row.createdAt),
	expires_at: iso(row.expiresAt),
});
