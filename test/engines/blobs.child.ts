import { blobKey } from "../../src/core/blobs.ts";
import { newId } from "../../src/core/ids.ts";
import { openBlobs } from "../../src/node/blobs.ts";

/* Run as a process of its own, to be killed or to run out of space: puts or writes blobs of so many bytes, three at a time, and says how each went. */
const blobs = openBlobs(String(process.argv[2]));
const bytes = new Uint8Array(Number(process.argv[3])).fill(7);
const how = process.argv[4] === "write" ? "write" : "put";
const app = newId("app", Date.now());
async function* chunks() {
	for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}
async function put(): Promise<void> {
	const key = blobKey("inputs", { id: newId("job", Date.now()), app }, Date.now());
	const kept = (how === "put" ? blobs.put(key, bytes) : blobs.write(key, chunks())).then(() => key);
	console.log(await kept.catch((e: unknown) => `${(e as { code?: string }).code} ${(e as Error).message}`));
}
for (;;) await Promise.all([put(), put(), put()]);
