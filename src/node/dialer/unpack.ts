import type { Transform } from "node:stream";
import zlib, { constants } from "node:zlib";

/** Bytes of output made at a time: most limits are below it, and then one turn in a thread is all it takes. */
const AT_ONCE = 65_536;
/** A decoder fills its window before it gives a byte. 4 MiB are the most that packers take unless told; brotli could ask for 16. */
const BROTLI_WINDOW_BITS = 22;
/** What RFC 9659 allows. Of these 8 MiB only what is given is touched. */
const ZSTD_WINDOW_BITS = 23;

/** So many of libuv's four threads unpack at once. The others are left to files and look-ups, whatever was packed to be slow. */
const THREADS = 2;
const turns = { free: THREADS, waiting: new Set<() => void>() };

interface Wish {
	/** A content-encoding of one layer. */
	how: string;
	/** Bytes of output. */
	limit: number;
	/** Of the packed bytes only the first are here. */
	cut: boolean;
	over: AbortSignal;
}

/**
 * The first `limit` bytes of what was packed; `more`: there would be more of them. Null: they are not packed as `how` says, are
 * broken, want too large a window, or `over` came first.
 */
export async function unpack(packed: Buffer, wish: Wish): Promise<{ bytes: Buffer; more: boolean } | null> {
	if (!(await turn(wish.over))) return null;
	try {
		return await unpackNow(packed, wish);
	} finally {
		const [next] = turns.waiting;
		if (next === undefined) turns.free++;
		else next();
	}
}

/** Waits for one of the threads, to be given back. False: `over` came first, and there is none to give back. */
function turn(over: AbortSignal): Promise<boolean> {
	if (over.aborted) return Promise.resolve(false);
	if (turns.free > 0) {
		turns.free--;
		return Promise.resolve(true);
	}
	return new Promise((resolve) => {
		const settle = (mine: boolean) => () => {
			turns.waiting.delete(begin);
			over.removeEventListener("abort", giveUp);
			resolve(mine);
		};
		const [begin, giveUp] = [settle(true), settle(false)];
		turns.waiting.add(begin);
		over.addEventListener("abort", giveUp);
	});
}

function unpackNow(packed: Buffer, { how, limit, cut, over }: Wish): Promise<{ bytes: Buffer; more: boolean } | null> {
	const stream = over.aborted ? null : unpacker(how.trim().toLowerCase(), packed, Math.min(limit + 1, AT_ONCE), cut);
	if (stream === null) return Promise.resolve(null);
	return new Promise((resolve) => {
		const chunks: Buffer[] = [];
		let size = 0;
		const give = (more: boolean) => resolve({ bytes: Buffer.concat(chunks).subarray(0, limit), more });
		const giveUp = () => void stream.destroy();
		over.addEventListener("abort", giveUp, { once: true });
		stream.on("data", (chunk: Buffer) => {
			chunks.push(chunk);
			size += chunk.length;
			if (size <= limit) return;
			give(true);
			stream.destroy(); // within its own turn, so that it makes no more
		});
		stream.on("end", () => give(cut));
		stream.on("error", () => {}); // which closes it
		stream.on("close", () => {
			over.removeEventListener("abort", giveUp);
			resolve(null); // unless there was something to give
		});
		stream.end(packed);
	});
}

/** `cut`: an end in the middle is no mistake. Null: not a coding that we read, or a window that we do not give. */
function unpacker(how: string, packed: Buffer, chunkSize: number, cut: boolean): Transform | null {
	const options = { chunkSize: Math.max(chunkSize, constants.Z_MIN_CHUNK) };
	const [first = 0] = packed;
	if (how === "br") {
		if (brotliWindowBits(first) > BROTLI_WINDOW_BITS) return null;
		return zlib.createBrotliDecompress({ ...options, ...(cut ? { finishFlush: constants.BROTLI_OPERATION_PROCESS } : {}) });
	}
	if (how === "zstd") {
		const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_BITS };
		return zlib.createZstdDecompress({ ...options, params, ...(cut ? { finishFlush: constants.ZSTD_e_continue } : {}) });
	}
	const flushed = { ...options, ...(cut ? { finishFlush: constants.Z_SYNC_FLUSH } : {}) };
	if (how === "gzip" || how === "x-gzip") return zlib.createGunzip(flushed);
	if (how !== "deflate") return null;
	return (first & 15) === 8 ? zlib.createInflate(flushed) : zlib.createInflateRaw(flushed); // some leave zlib's frame out
}

/** RFC 7932, 9.1: the first bits of a stream. */
function brotliWindowBits(first: number): number {
	if ((first & 1) === 0) return 16;
	const large = (first >> 1) & 7;
	if (large !== 0) return 17 + large;
	const small = (first >> 4) & 7;
	return small === 0 ? 17 : 8 + small;
}
