import { ascii, type Bytes, concat, u32 } from "../bytes.ts";
import { drawPicture } from "../picture.ts";
import type { Schedule } from "../timers.ts";
import { filmClip } from "../video.ts";
import type { Work } from "./inputs.ts";
import type { BodyFault, KnobValues } from "./knobs.ts";

export interface Content {
	type: "video/mp4" | "image/png";
	bytes: Uint8Array<ArrayBuffer>;
}

/** Made at every download, and the same each time. One second of film: a few kilobytes. */
export function makeContent({ kind, width, height, fps, seed }: Work, jobId: string): Content {
	const decides = seed ?? jobId;
	if (kind === "image") return { type: "image/png", bytes: drawPicture({ width, height, seed: decides }) };
	return { type: "video/mp4", bytes: filmClip({ width, height, frames: fps, fps, seed: decides }) };
}

export interface SendOptions {
	shape: KnobValues["content"];
	spoil: BodyFault | null;
	schedule: Schedule;
	/** Ends the connection, or throws. */
	cut(): void;
}

/** In one piece as a rule; what is large, slow or spoilt goes out as it is made. */
export function sendContent({ type, bytes }: Content, { shape, spoil, schedule, cut }: SendOptions): Response {
	const { sizeBytes, chunkBytes, slowMs } = shape;
	const size = Math.max(bytes.length, sizeBytes ?? 0);
	const start = concat([bytes, padding(type, size - bytes.length)]);
	const headers: Record<string, string> = { "Content-Type": type };
	if (spoil !== "endless") headers["Content-Length"] = String(spoil === "longer" ? Math.floor(size / 2) : size);
	if (spoil === null && slowMs === 0 && size === start.length) return new Response(start, { headers });

	async function* chunks(): AsyncGenerator<Uint8Array> {
		const half = spoil === "cut" || spoil === "stall";
		for (const chunk of pieces(start, half ? Math.floor(size / 2) : size, chunkBytes)) {
			yield chunk;
			if (slowMs > 0) await schedule.wait(slowMs);
		}
		while (spoil === "endless" && !schedule.closed) {
			await schedule.wait(Math.max(slowMs, endlessMs));
			yield new Uint8Array(chunkBytes);
		}
		if (half) await schedule.wait(spoil === "stall" ? Number.MAX_SAFE_INTEGER : cutMs);
		if (half || spoil === "endless") cut();
	}
	return new Response(streamOf(chunks()), { headers });
}

/** Between chunks of a body without an end. */
const endlessMs = 10;
/** What was sent before a cut should arrive. */
const cutMs = 10;

/** `start`, then zeros up to `size`; a piece is made when it is wanted. */
function* pieces(start: Uint8Array, size: number, chunkBytes: number): Generator<Uint8Array> {
	for (let at = 0; at < size; at += chunkBytes) {
		const end = Math.min(at + chunkBytes, size);
		const from = start.subarray(at, end);
		yield from.length === end - at ? from : concat([from, new Uint8Array(end - at - from.length)]);
	}
}

/** What stands before so many bytes of zeros, and counts as some of them: an MP4 has them in a `free` box, a PNG behind its end. */
function padding(type: Content["type"], count: number): Bytes {
	if (type === "image/png" || count < 16) return [];
	if (count < 2 ** 32) return [...u32(count), ...ascii("free")];
	return [...u32(1), ...ascii("free"), ...u32(Math.floor(count / 2 ** 32)), ...u32(count % 2 ** 32)];
}

/** Pulled one by one, so that a slow reader holds it up. */
function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
	return new ReadableStream(
		{
			async pull(controller) {
				const { done, value } = await chunks.next();
				if (done) controller.close();
				else controller.enqueue(value);
			},
			cancel: () => void chunks.return(null),
		},
		{ highWaterMark: 0 },
	);
}
