import type { Deps } from "../deps.ts";
import { deleteFileRow } from "./sql.ts";

/** From here on no job may name it; those that do keep its bytes, which the sweep removes after them. False: this app has no such file. */
export async function deleteFile({ db }: Pick<Deps, "db">, appId: string, fileId: string): Promise<boolean> {
	const [deleted] = await db.batch([deleteFileRow.bind({ app: appId, file: fileId })]);
	return deleted.length > 0;
}

/** Those that are there. */
export async function deleteFiles({ db }: Pick<Deps, "db">, appId: string, fileIds: readonly string[]): Promise<void> {
	if (fileIds.length > 0) await db.batch(fileIds.map((file) => deleteFileRow.bind({ app: appId, file })));
}
