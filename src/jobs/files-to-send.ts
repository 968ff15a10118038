import type { Deps } from "../deps.ts";
import type { StoredFile } from "../files/stored.ts";
import type { SendFile } from "../providers/provider.ts";
import { filesOfJob } from "./sql/files.ts";

/** What is left of a file that was accepted: nothing, and the job cannot be sent. */
export class FileGone extends Error {}

/** The files that a job is sent with. Throws `FileGone`, and `unavailable` while the store cannot give them. */
export async function filesToSend(deps: Pick<Deps, "db" | "blobs" | "log">, job: string): Promise<SendFile[]> {
	const rows = await deps.db.read(filesOfJob.bind({ job }));
	return Promise.all(
		rows.map(async ({ field, ...file }) => {
			await mustBeThere(deps, file);
			const { name, contentType, sizeBytes } = file;
			return { field, name, contentType, sizeBytes, chunks: () => chunksOf(deps, file) };
		}),
	);
}

/** Before a byte leaves: what is missing then was certainly not sent. */
async function mustBeThere({ blobs }: Pick<Deps, "blobs">, { blob }: StoredFile): Promise<void> {
	const first = await blobs.read(blob, { start: 0, end: 0 });
	if (first === null) throw new FileGone(blob);
	for await (const _ of first) break;
}

async function* chunksOf({ blobs, log }: Pick<Deps, "blobs" | "log">, { blob }: StoredFile): AsyncGenerator<Uint8Array> {
	try {
		const chunks = await blobs.read(blob);
		if (chunks === null) throw new FileGone(blob);
		yield* chunks;
	} catch (e) {
		log.error({ blob, err: e }, "blob.not_sent"); // the network only knows that it broke off
		throw e;
	}
}
