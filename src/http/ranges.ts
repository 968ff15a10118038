import parseRange from "range-parser";
import type { ByteRange } from "../core/blobs.ts";

/** What is asked for: GET or HEAD, and the headers that narrow it down. */
export interface Wanted {
	method: string;
	range?: string | undefined;
	ifRange?: string | undefined;
	ifNoneMatch?: string | undefined;
}
export interface Entity {
	sizeBytes: number;
	/** A strong one, with its quotes. */
	etag: string;
}
export type Portion =
	| { status: 200 }
	| { status: 206; range: ByteRange; headers: { "Content-Range": string } }
	| { status: 304 }
	| { status: 416; headers: { "Content-Range": string } };

/** How much of a file answers a request (RFC 9110, 13 and 14). Several ranges, and one that nobody understands, are answered with the whole. */
export function portionOf({ method, range, ifRange, ifNoneMatch }: Wanted, { sizeBytes, etag }: Entity): Portion {
	if (ifNoneMatch !== undefined && names(ifNoneMatch, etag)) return { status: 304 };
	// only of a GET; and of a file that is another one by now, or has no date to compare, a range is no use
	if (range === undefined || method !== "GET" || (ifRange !== undefined && ifRange.trim() !== etag)) return { status: 200 };
	const wanted = rangeIn(range, sizeBytes);
	if (wanted === "none") return { status: 416, headers: { "Content-Range": `bytes */${sizeBytes}` } };
	if (wanted === "whole") return { status: 200 };
	return { status: 206, range: wanted, headers: { "Content-Range": `bytes ${wanted.start}-${wanted.end}/${sizeBytes}` } };
}

function rangeIn(header: string, sizeBytes: number): ByteRange | "whole" | "none" {
	if (!/^bytes=[^,]*$/i.test(header.trim())) return "whole";
	const last = /^bytes=\s*-(\d+)\s*$/i.exec(header.trim())?.[1];
	if (last !== undefined && sizeBytes > 0 && Number(last) >= sizeBytes) return { start: 0, end: sizeBytes - 1 }; // the parser takes it for none
	const parsed = parseRange(sizeBytes, header.trim());
	if (parsed === -1) return "none";
	if (parsed === -2 || parsed[0] === undefined) return "whole";
	return { start: parsed[0].start, end: parsed[0].end };
}

/** Compared weakly: a proxy may have marked it so. */
const names = (list: string, etag: string): boolean =>
	list.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
