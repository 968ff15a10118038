import type { Upload } from "../../core/http.ts";
import { randomText } from "../../core/ids.ts";
import type { SendFile } from "../provider.ts";

/** A multipart form (RFC 7578) that is read while it is sent: its size is known, its files are nowhere in memory. */
export function formOf(fields: Record<string, string>, files: readonly SendFile[]): { contentType: string; body: Upload } {
	const boundary = `jobhook-${randomText(18)}`;
	const texts = Object.entries(fields).map(([name, value]) => bytesOf(`${head(boundary, name)}\r\n\r\n${value}\r\n`));
	const heads = files.map((file) => bytesOf(`${head(boundary, file.field, file.name)}\r\nContent-Type: ${file.contentType}\r\n\r\n`));
	const end = bytesOf(`--${boundary}--\r\n`);
	const fixed = [...texts, ...heads, end].reduce((sum, one) => sum + one.length, files.length * LINE_END.length);
	async function* chunks() {
		yield* texts;
		for (const [i, file] of files.entries()) {
			yield heads[i] ?? end;
			yield* file.chunks();
			yield LINE_END;
		}
		yield end;
	}
	const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, fixed);
	return { contentType: `multipart/form-data; boundary=${boundary}`, body: { bytes, chunks } };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const LINE_END = bytesOf("\r\n");

function head(boundary: string, name: string, filename?: string | null): string {
	const file = filename === undefined ? "" : `; filename="${quoted(filename ?? name)}"`;
	return `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${file}`;
}

/** As browsers write it; no control character gets into a header. */
const quoted = (text: string): string =>
	text.replaceAll(/["\p{Cc}]/gu, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
