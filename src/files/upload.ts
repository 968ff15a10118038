import { blobKey } from "../core/blobs.ts";
import { newId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { keepFile } from "./keep.ts";
import { showFile } from "./read.ts";
import { insertFile } from "./sql.ts";
import type { StoredFile } from "./stored.ts";

/** Characters. */
const NAME_MAX = 255;

/** Puts the bytes of an upload into the store. Nothing names them yet: what comes no further is swept. Throws `payload_too_large`. */
export async function takeUpload(
	deps: Pick<Deps, "blobs" | "clock" | "config">,
	appId: string,
	filename: string | null,
	chunks: AsyncIterable<Uint8Array>,
): Promise<StoredFile> {
	const now = deps.clock.now();
	const id = newId("file", now);
	const place = { id, key: blobKey("files", { id, app: appId }, now), name: nameIn(filename), claims: null };
	return keepFile(deps, place, chunks, deps.config.fileMaxBytes);
}

/** Makes stored files known, all or none; from here on a job may name them, for `ttlMs`. */
export async function addFiles(deps: Pick<Deps, "db" | "clock" | "log">, appId: string, stored: StoredFile[], ttlMs: number) {
	const createdAt = deps.clock.now();
	const rows = stored.map((file) => ({ ...file, appId, createdAt, expiresAt: createdAt + ttlMs }));
	if (rows.length > 0) await deps.db.batch(rows.map((row) => insertFile.bind(row)));
	for (const { id, sizeBytes, contentType } of rows)
		deps.log.info({ app: appId, file: id, bytes: sizeBytes, type: contentType }, "file.uploaded");
	return rows.map(showFile);
}

/** Some clients send the whole path. */
function nameIn(filename: string | null): string | null {
	const last = filename?.split(/[/\\]/).at(-1) ?? "";
	const name = [...last.replaceAll(/\p{Cc}/gu, "")].slice(0, NAME_MAX).join("");
	return name === "" ? null : name;
}
