import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { CHUNKED, certificate, drips, ends, head, OK, type Peer, packed, pours, resets, says } from "../../support/hostile.ts";

/** Bytes of an answer that are kept, by default. */
const KEPT = 16_384;
const ZEROS = Buffer.alloc(50_000_000);
const NUL_TEXT = "\ufffd".repeat(KEPT);
/** What its first bytes are as text. */
const GZIP = "\u001f\ufffd\b";
const OTHER = OK.replace("200 OK", "500 Oops");

export interface Row {
	what: string;
	peer: Peer;
	reason: string;
	/** Of the answer, where there is one, and its kept bytes. */
	status?: number;
	truncated?: boolean;
	text?: string;
	/** Or their first few. */
	begins?: string;
	/** Requests that the peer gets to see of the one attempt: 1. */
	posts?: number;
	/** It is certain that nothing was written. */
	before?: boolean;
}
const told = (status: number, text?: string, truncated = false) => ({
	...{ reason: "acknowledged", status, truncated },
	...(text === undefined ? {} : { text }),
});
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

export const slow: Row[] = [
	{ what: "never answers", peer: { asked: () => {} }, reason: "timeout" },
	{ what: "sends its header byte by byte", peer: { asked: drips("HTTP/1.1 200 OK\r\nx-slow: ", "a") }, reason: "timeout" },
	{ what: "sends its body byte by byte", peer: { asked: drips(head("200 OK", "content-length: 100000"), "a") }, reason: "timeout" },
	{ what: "sends a chunk of a byte now and then", peer: { asked: drips(CHUNKED, chunk("a")) }, reason: "timeout" },
	{ what: "sends 102 without end", peer: { asked: pours("", head("102 Processing")) }, reason: "invalid_response" },
	{ what: "sends 103 now and then", peer: { asked: drips("", head("103 Early Hints", "link: </a>")) }, reason: "timeout" },
	{ what: "sends 103 without end", peer: { asked: pours("", head("103 Early Hints", "link: </a>")) }, reason: "invalid_response" },
	{ what: "sends a reason phrase without end", peer: { asked: pours("HTTP/1.1 200 ", "a") }, reason: "timeout" },
	{ what: "sends a chunk extension without end", peer: { asked: pours(`${CHUNKED}1;`, "a") }, reason: "timeout" },
	{ what: "sends spaces for a trailer without end", peer: { asked: pours(`${CHUNKED}0\r\nx:`, " ") }, reason: "timeout" },
	{ what: "promises more than it sends", peer: { asked: says(head("200 OK", "content-length: 100"), "half") }, reason: "timeout" },
];

export const large: Row[] = [
	{ what: "sends 5 GB", peer: { asked: pours(head("200 OK", "content-length: 5000000000"), "a") }, ...told(200, "a".repeat(KEPT), true) },
	{ what: "sends 5 GB in chunks", peer: { asked: pours(CHUNKED, chunk("a".repeat(1024))) }, ...told(200, "a".repeat(KEPT), true) },
	{
		what: "sends one byte more than is kept",
		peer: { asked: says(CHUNKED, chunk("a".repeat(KEPT + 1)), "0\r\n\r\n") },
		...told(200, "a".repeat(KEPT), true),
	},
	{ what: "sends all that is kept", peer: { asked: says(CHUNKED, chunk("a".repeat(KEPT)), "0\r\n\r\n") }, ...told(200, "a".repeat(KEPT)) },
	{ what: "sends a gzip bomb", peer: { asked: says(packed("gzip", gzipSync(ZEROS))) }, ...told(200, NUL_TEXT, true) },
	{ what: "sends a brotli bomb", peer: { asked: says(packed("br", brotliCompressSync(ZEROS))) }, ...told(200, NUL_TEXT, true) },
	{ what: "sends a zstd bomb", peer: { asked: says(packed("zstd", zstdCompressSync(ZEROS))) }, ...told(200, NUL_TEXT, true) },
	{
		what: "sends a brotli bomb of the largest window",
		begins: "\ufffd",
		peer: { asked: says(packed("br", brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } }))) },
		...told(200),
	},
	{
		what: "sends gzip within gzip",
		peer: { asked: says(packed("gzip", gzipSync(gzipSync(ZEROS)))) },
		...told(200, undefined, true),
		begins: GZIP,
	},
	{
		what: "says that it has packed twice",
		peer: { asked: says(packed("gzip, gzip", gzipSync(gzipSync("a")))) },
		...told(200),
		begins: GZIP,
	},
	{ what: "packs what is text", peer: { asked: says(packed("gzip", gzipSync("hello"))) }, ...told(200, "hello") },
	{ what: "says that text is packed", peer: { asked: says(packed("gzip", Buffer.from("hello"))) }, ...told(200, "hello") },
	{
		what: "sends a megabyte of a header field",
		peer: { asked: says(head("200 OK", `x: ${"a".repeat(1_048_576)}`)) },
		reason: "headers_too_large",
	},
	{
		what: "sends 100,000 header fields",
		peer: { asked: says(head("200 OK", ...Array<string>(100_000).fill("a: b"))) },
		reason: "headers_too_large",
	},
	{ what: "sends header fields without end", peer: { asked: pours("HTTP/1.1 200 OK\r\n", "a: b\r\n") }, reason: "headers_too_large" },
	{ what: "sends trailers without end", peer: { asked: pours(`${CHUNKED}2\r\nok\r\n0\r\n`, "a: b\r\n") }, reason: "headers_too_large" },
	{
		what: "sends 103 with a megabyte of a field",
		peer: { asked: says(head("103 Early Hints", `x: ${"a".repeat(1_048_576)}`), OK) },
		reason: "headers_too_large",
	},
	{
		what: "sends a chunk extension of 100 kB",
		peer: { asked: says(CHUNKED, `2;${"a".repeat(100_000)}\r\nok\r\n0\r\n\r\n`) },
		...told(200, "ok"),
	},
	{
		what: "sends a reason phrase of 100 kB",
		peer: { asked: says(head(`200 ${"a".repeat(100_000)}`, "content-length: 0")) },
		...told(200, ""),
	},
];

export const wrong: Row[] = (
	[
		["speaks SSH", "SSH-2.0-OpenSSH_9.6\r\n"],
		["speaks HTTP/0.9", "<html>hello</html>"],
		["speaks HTTP/2", Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])],
		["sends HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
		["speaks HTTP/3.0", OK.replace("1.1", "3.0")],
		["sends two lengths", head("200 OK", "content-length: 2", "content-length: 3")],
		["sends a length and chunks", head("200 OK", "content-length: 2", "transfer-encoding: chunked")],
		["sends chunks and a length", head("200 OK", "transfer-encoding: chunked", "content-length: 2")],
		["sends a negative length", head("200 OK", "content-length: -2")],
		["sends a length beyond all bounds", head("200 OK", "content-length: 99999999999999999999999")],
		["sends a chunk size beyond all bounds", `${CHUNKED}ffffffffffffffffff\r\n`],
		["sends a chunk size that is none", `${CHUNKED}zz\r\n`],
		["ends a chunk too late", `${CHUNKED}2\r\nokay`],
		["sends a NUL in a field", head("200 OK", "x: a\u0000b")],
		["sends a NUL in a field's name", head("200 OK", "x\u0000y: a")],
		["sends a field without a name", head("200 OK", ": a")],
		["sends lines without CR", OK.replaceAll("\r", "")],
		["sends a status of two digits", OK.replace("200", "99")],
		["sends a status of four digits", OK.replace("200", "1000")],
		["sends a status below 100", OK.replace("200", "099")],
		["sends 100 unasked", head("100 Continue") + OK],
		["sends 100 without end", head("100 Continue").repeat(1000)],
		["sends 101", head("101 Switching Protocols", "connection: upgrade", "upgrade: websocket")],
		["sends 101 and says nothing of what", head("101 Switching Protocols") + OK],
	] as [string, string | Buffer][]
).map(([what, text]) => ({ what, peer: { asked: says(text) }, reason: "invalid_response" }));

export const odd: Row[] = [
	{
		what: "sends 102, 103 and then an answer",
		peer: { asked: says(head("102 Processing"), head("103 Early Hints"), OK) },
		...told(200, "ok"),
	},
	{ what: "sends 204 with a body", peer: { asked: says(head("204 No Content", "content-length: 5"), "hello") }, ...told(204, "") },
	{
		what: "sends 304 with a body",
		peer: { asked: says(head("304 X", "content-length: 5"), "hello") },
		reason: "http_304",
		status: 304,
		text: "",
	},
	{ what: "sends 600", peer: { asked: says(OK.replace("200", "600")) }, reason: "http_600", status: 600, text: "ok" },
	{ what: "sends 999", peer: { asked: says(OK.replace("200", "999")) }, reason: "http_999", status: 999, text: "ok" },
	{ what: "speaks HTTP/1.0", peer: { asked: ends("HTTP/1.0 200 OK\r\n\r\nhello") }, ...told(200, "hello") },
	{ what: "answers before it is asked", peer: { opened: says(OK), asked: says(OTHER) }, ...told(200, "ok") },
	{ what: "answers twice", peer: { asked: says(OK, OTHER) }, ...told(200, "ok") },
	{
		what: "answers twice, the second time with a bomb of fields",
		peer: { asked: says(OK, head("500 X", `x: ${"a".repeat(100_000)}`)) },
		...told(200, "ok"),
	},
	{ what: "hides an answer behind a body", peer: { asked: says(head("200 OK", "content-length: 2"), `ok${OTHER}`) }, ...told(200, "ok") },
	{ what: "talks on behind its answer", peer: { asked: says(OK, "and another thing") }, ...told(200, "ok") },
	{ what: "closes behind its answer", peer: { asked: ends(OK) }, ...told(200, "ok") },
	{ what: "resets behind its answer", peer: { asked: (socket) => socket.write(OK, () => resets(socket)) }, ...told(200, "ok") },
];

export const broken: Row[] = [
	{ what: "resets what was sent", peer: { asked: resets }, reason: "connection_lost" },
	{ what: "closes without a word", peer: { asked: ends("") }, reason: "connection_lost" },
	{ what: "closes its side before it is asked", peer: { opened: ends("") }, reason: "connection_lost" },
	{ what: "closes in its header", peer: { asked: ends("HTTP/1.1 200 OK\r\nconte") }, reason: "connection_lost" },
	{ what: "closes in its body", peer: { asked: ends(`${head("200 OK", "content-length: 100")}half`) }, reason: "connection_lost" },
	{
		what: "closes in its last body",
		peer: { asked: ends(`${head("200 OK", "connection: close", "content-length: 100")}half`) },
		reason: "connection_lost",
	},
	{
		what: "closes within a chunk",
		peer: { asked: ends(`${head("200 OK", "connection: close", "transfer-encoding: chunked")}ff\r\nhalf`) },
		reason: "connection_lost",
	},
	{
		what: "resets in its body",
		peer: { asked: (socket) => socket.write(`${head("200 OK", "content-length: 100")}half`, () => resets(socket)) },
		reason: "connection_lost",
	},
];

/** Nothing is written to any of them. */
export function secure(): (Row & { trusted?: true })[] {
	const unseen = { posts: 0, before: true } as const;
	const before = { reason: "tls_error", ...unseen };
	const none = certificate("IP:127.0.0.1");
	const tls = (pair: ReturnType<typeof certificate>): Peer => ({ https: true, secure: pair });
	return [
		{ what: "signs its own certificate", peer: tls(none), ...before },
		{ what: "has another one's certificate", peer: tls(certificate("DNS:other.example")), trusted: true, ...before },
		{ what: "has a certificate that expired", peer: tls(certificate("IP:127.0.0.1", true)), trusted: true, ...before },
		{ what: "speaks no TLS", peer: { https: true, opened: says(OK) }, ...before },
		{ what: "resets the handshake", peer: { https: true, opened: resets }, reason: "connect_failed", ...unseen },
		{ what: "closes the handshake", peer: { https: true, opened: ends("") }, reason: "connect_failed", ...unseen },
		{ what: "never ends the handshake", peer: { https: true, opened: () => {} }, reason: "connect_timeout", ...unseen },
	];
}
