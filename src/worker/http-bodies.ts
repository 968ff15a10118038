import type { HttpRequest, Upload } from "../core/http.ts";

/** No answer, or not the whole of it, in time. */
export const LATE = new Error("the deadline of a request has passed");
/** The source of an upload broke off. */
export const BROKEN = new Error("the source of an upload broke off");
/** What is read of a body at once: each read costs as much time as 1 kB does. */
const CHUNK_BYTES = 65_536;

export function sendable(body: HttpRequest["body"], abort: AbortController): BodyInit | null {
	if (body === undefined) return null;
	if (typeof body === "string") return new TextEncoder().encode(body); // to a string fetch would add a content type
	const { readable, writable } = new FixedLengthStream(body.bytes); // any other stream goes out in chunks
	void pump(body, writable.getWriter(), abort);
	return readable;
}

/** A source that breaks off, or has not the bytes it should, gives the request up. An answer that came early, or late, gives up the source. */
async function pump({ bytes, chunks }: Upload, writer: WritableStreamDefaultWriter<Uint8Array>, abort: AbortController): Promise<void> {
	const givenUp = () => false;
	abort.signal.addEventListener("abort", () => void writer.abort().catch(givenUp), { once: true });
	let left = bytes;
	try {
		for await (const chunk of chunks()) {
			left -= chunk.length;
			if (left < 0) break;
			const written = await writer.write(chunk).then(() => true, givenUp);
			if (!written) return;
		}
		if (left !== 0) throw new Error("not as many bytes as were promised");
		await writer.close().catch(givenUp);
	} catch {
		if (left > 0) abort.abort(BROKEN);
		else abort.abort(); // all of it may have left
	}
}

/** A body that comes faster than it is read leaves workerd's timers no turn, so that the clock is asked here, too. */
export async function* chunksOf(body: ReadableStream<Uint8Array>, dueAt: number): AsyncGenerator<Uint8Array, void, undefined> {
	const reader = body.getReader({ mode: "byob" });
	try {
		for (;;) {
			const { done, value } = await reader.readAtLeast(CHUNK_BYTES, new Uint8Array(CHUNK_BYTES));
			if (Date.now() >= dueAt) throw LATE;
			if (done) return;
			yield value;
		}
	} finally {
		void reader.cancel().catch(() => {}); // it may be broken, which is told
	}
}

/** The first bytes as text, after workerd's own unpacking, which goes no further than we read. */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, limit: number): Promise<{ text: string; truncated: boolean }> {
	const decoder = new TextDecoder();
	let text = "";
	let size = 0;
	for await (const chunk of body ?? []) {
		text += decoder.decode(chunk.subarray(0, Math.max(0, limit - size)), { stream: true });
		size += chunk.length;
		if (size > limit) break; // leaving the loop cancels the stream
	}
	return { text: (text + decoder.decode()).replaceAll("\u0000", "\ufffd"), truncated: size > limit };
}
