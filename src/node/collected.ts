import v8 from "node:v8";
import vm from "node:vm";
import type { Blobs } from "../core/blobs.ts";

/**
 * V8 sees a small object where a chunk of a file is, and lets a hundred megabytes of chunks that nobody needs pile up. So while
 * files pass, the young generation is collected now and then: a millisecond or two each time, and nothing where none pass.
 */
export function collected(blobs: Blobs, everyBytes: number): Blobs {
	const collect = collector();
	let passed = 0;
	async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
		for await (const chunk of chunks) {
			passed += chunk.length;
			if (passed >= everyBytes) {
				passed = 0;
				collect();
			}
			yield chunk;
		}
	}
	return {
		...blobs,
		write: (key, chunks) => blobs.write(key, counted(chunks)),
		async read(key, range) {
			const chunks = await blobs.read(key, range);
			return chunks === null ? null : counted(chunks);
		},
	};
}

/** Node gives it to whoever asks by a flag; a new context asks anew. */
function collector(): () => void {
	v8.setFlagsFromString("--expose-gc");
	const gc = vm.runInNewContext("gc") as (options: { type: "minor" }) => void;
	v8.setFlagsFromString("--no-expose-gc");
	return () => gc({ type: "minor" });
}
