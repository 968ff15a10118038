import type { Context } from "hono";
import { getExtension } from "hono/utils/mime";
import type { ByteRange } from "../core/blobs.ts";
import { JobhookError } from "../errors.ts";
import { portionOf } from "./ranges.ts";

/** A file that can be read in pieces. */
export interface ServedFile {
	contentType: string;
	sizeBytes: number;
	sha256: string;
	/** Null: it is gone. */
	read(range?: ByteRange): Promise<AsyncIterable<Uint8Array> | null>;
}

/** What hono's table does not know. */
const EXTENSIONS: Readonly<Record<string, string>> = {
	"image/jpeg": "jpg",
	"audio/wav": "wav",
	"audio/flac": "flac",
	"audio/x-flac": "flac",
	"audio/x-m4a": "m4a",
	"audio/mp4": "m4a",
	"video/quicktime": "mov",
	"video/x-m4v": "m4v",
	"video/matroska": "mkv",
};
const extensionOf = (type: string): string => EXTENSIONS[type] ?? getExtension(type) ?? "bin";

/** Nothing in these can be run: a browser may show them. */
const isShown = (type: string): boolean => /^(image|video|audio)\//.test(type) && !type.includes("xml");

/** The file or the part of it that is asked for, as it is read; `name` is without its extension. */
export async function answerFile(c: Context, name: string, file: ServedFile): Promise<Response> {
	const etag = `"${file.sha256}"`;
	const asked = { range: c.req.header("range"), ifRange: c.req.header("if-range"), ifNoneMatch: c.req.header("if-none-match") };
	const portion = portionOf({ method: c.req.method, ...asked }, { ...file, etag });
	const range = portion.status === 206 ? portion.range : undefined;
	const whole = portion.status === 200 || portion.status === 206;
	const chunks = whole && c.req.method !== "HEAD" ? await file.read(range) : "unread";
	if (chunks === null) throw new JobhookError("not_found", "this result is not kept any more");
	c.header("ETag", etag); // from here on nothing throws: a refusal has headers of its own
	c.header("Accept-Ranges", "bytes");
	if ("headers" in portion) c.header("Content-Range", portion.headers["Content-Range"]);
	if (!whole) return c.body(null, portion.status);
	const length = range === undefined ? file.sizeBytes : range.end - range.start + 1;
	for (const [header, value] of Object.entries(headersOf(name, file, length))) c.header(header, value);
	return chunks === "unread" ? c.body(null, portion.status) : c.body(streamOf(chunks, length), portion.status);
}

function headersOf(name: string, { contentType }: ServedFile, length: number): Record<string, string> {
	const shown = isShown(contentType);
	return {
		"Content-Length": String(length),
		"Content-Type": contentType,
		"Content-Disposition": `${shown ? "inline" : "attachment"}; filename="${name}.${extensionOf(contentType)}"`,
		"X-Content-Type-Options": "nosniff",
		...(shown ? {} : { "Content-Security-Policy": "sandbox" }),
	};
}

/** Read as it is taken, and no further than somebody takes it. */
function streamOf(chunks: AsyncIterable<Uint8Array>, length: number): ReadableStream<Uint8Array> {
	const iterator = exactly(length, chunks);
	const stream = new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const { done, value } = await iterator.next();
				if (done) controller.close();
				else controller.enqueue(value);
			},
			cancel: async () => void (await iterator.return()),
		},
		{ highWaterMark: 0 },
	);
	return Fixed === undefined ? stream : stream.pipeThrough(new Fixed(length));
}

/** A copy that is damaged breaks off: it must not run into the next answer. */
async function* exactly(length: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
	let left = length;
	for await (const chunk of chunks) {
		left -= chunk.length;
		if (left < 0) break;
		yield chunk;
	}
	if (left !== 0) throw new Error("a file that is kept has not the size that its row says");
}

/** workerd tells the length of no other stream, whatever the header says. */
const Fixed = (globalThis as { FixedLengthStream?: new (length: number) => TransformStream<Uint8Array, Uint8Array> }).FixedLengthStream;
