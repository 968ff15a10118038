import type { Deps } from "../deps.ts";
import { dropFile, expireFile } from "./sql.ts";
import type { StoredFile } from "./stored.ts";

/** From here on no job may name it; those that do keep its bytes, which the sweep removes after them. False: this app has no such file. */
export async function deleteFile({ db, clock }: Pick<Deps, "db" | "clock">, appId: string, fileId: string): Promise<boolean> {
	const [deleted] = await db.batch([expireFile.bind({ app: appId, file: fileId, now: clock.now() })]);
	return deleted.length > 0;
}

/** The bytes of uploads that no row has named; what cannot be deleted now goes by the sweep. */
export async function dropBytes({ blobs, log }: Pick<Deps, "blobs" | "log">, stored: readonly StoredFile[]): Promise<void> {
	if (stored.length === 0) return;
	await blobs.delete(stored.map(({ blob }) => blob)).catch((err: unknown) => log.warn({ blobs: stored.length, err }, "upload.left"));
}

/** Of a request that came to nothing. */
export async function dropFiles({ db }: Pick<Deps, "db">, appId: string, fileIds: readonly string[]): Promise<void> {
	if (fileIds.length > 0) await db.batch(fileIds.map((file) => dropFile.bind({ app: appId, file })));
}
