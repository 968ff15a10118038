import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import tls from "node:tls";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { TestProject } from "vitest/node";
import { listen, selfSigned } from "../sockets.ts";

/** Where tests inside workerd find what runs here: `127.0.0.1:<port>` each. */
export interface Receiver {
	/** Answers as the path says: `/<behaviour>/<wish>?<mark>`. */
	host: string;
	/** What came to `host` with a mark, as JSON: `/<mark>`. */
	log: string;
	/** Nobody listens. */
	nobody: string;
	/** Accepts and says nothing. */
	silent: string;
	/** Resets every connection that is opened. */
	resets: string;
	/** TLS with a certificate that nobody vouches for. */
	untrusted: string;
}
/** One connection, as the log tells it. `decrypted`: bytes that `untrusted` has ever got to read. */
export interface Seen {
	connections: { received: string; closed: boolean; written: number }[];
	decrypted: number;
}
declare module "vitest" {
	interface ProvidedContext {
		receiver: Receiver;
	}
}

const REQUEST = /(GET|POST) \/([^/ ]*)\/([^? ]*)\S* HTTP/g;
const head = (status: number | string, ...lines: string[]) => `${[`HTTP/1.1 ${status} X`, ...lines].join("\r\n")}\r\n\r\n`;
const whole = (status: number | string, body: string | Buffer, ...lines: string[]) =>
	Buffer.concat([Buffer.from(head(status, `content-length: ${body.length}`, ...lines)), Buffer.from(body)]);
const CHUNKED = head(200, "transfer-encoding: chunked");
const pack = (how: string, bytes: string | Buffer) =>
	whole(200, how === "gzip" ? gzipSync(bytes) : brotliCompressSync(bytes), `content-encoding: ${how}`);

function drip(socket: Socket, start: string, drop: string): void {
	socket.write(start);
	const timer = setInterval(() => socket.write(drop), 10);
	socket.once("close", () => clearInterval(timer));
}
function pour(socket: Socket): void {
	while (!socket.destroyed && socket.write(`400\r\n${"a".repeat(1024)}\r\n`));
}

/** `turn`: how often this very path was asked for, from 1. */
const BEHAVIOURS: Readonly<Record<string, (socket: Socket, wish: string, turn: number) => unknown>> = {
	ok: (socket) => socket.write(whole(200, "ok")),
	status: (socket, status) => socket.write(whole(status, "ok")),
	"no-body": (socket, status) => socket.write(head(status)),
	redirect: (socket, status) => socket.write(whole(status, "", `location: /ok/?${status}-followed`)),
	bytes: (socket, count) => socket.write(whole(500, "b".repeat(Number(count)))),
	headers: (socket) => socket.write(whole(200, "a\u0000b", "X-Two: a", "x-two: b", "set-cookie: c=1", "set-cookie: d=2")),
	"many-headers": (socket, count) => socket.write(whole(200, "ok", ...Array.from({ length: Number(count) }, (_, i) => `x-${i}: v`))),
	zeros: (socket, how) => socket.write(pack(how, Buffer.alloc(50_000_000))),
	packed: (socket, how) => socket.write(pack(how, "x".repeat(500))),
	"badly-packed": (socket) => socket.write(whole(200, "not gzip", "content-encoding: gzip")),
	hang: () => {},
	"half-a-header": (socket) => drip(socket, "HTTP/1.1 200 OK\r\nx-slow: ", "a"),
	"byte-by-byte": (socket) => drip(socket, head(200, "content-length: 100000"), "a"),
	"chunk-by-chunk": (socket) => drip(socket, CHUNKED, "1\r\na\r\n"),
	"early-hints": (socket) => drip(socket, "", head(103, "link: </a>")),
	interim: (socket, status) => socket.write(Buffer.concat([Buffer.from(head(status)), whole(200, "ok")])),
	endless: (socket) => {
		socket.write(CHUNKED);
		socket.on("drain", () => pour(socket));
		pour(socket);
	},
	reset: (socket) => socket.resetAndDestroy(),
	"reset-later": (socket, _, turn) => (turn === 1 ? socket.write(whole(200, "ok")) : socket.resetAndDestroy()),
	end: (socket) => socket.end(),
	half: (socket) => socket.write(`${head(200, "content-length: 100")}half`, () => socket.destroy()),
	garbage: (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
	"long-header": (socket) => socket.write(head(200, `x-long: ${"a".repeat(1_048_576)}`)),
};

/** Real sockets for the tests inside workerd, which can open none to listen on. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
	const turns = new Map<string, number>();
	const server = await listen((socket, received) => {
		const [asked = "", method, behaviour = "", wish = ""] = [...received.matchAll(REQUEST)].at(-1) ?? [];
		if (!received.endsWith(method === "GET" ? "\r\n\r\n" : "{}")) return;
		const turn = (turns.get(asked) ?? 0) + 1;
		turns.set(asked, turn);
		BEHAVIOURS[behaviour]?.(socket, wish, turn);
	});
	const silent = await listen(() => {});
	const resets = await listen(
		() => {},
		(socket) => socket.resetAndDestroy(),
	);
	const nobody = await listen(() => {});
	await nobody.close();

	let decrypted = 0;
	const untrusted = tls.createServer(selfSigned(), (socket) =>
		socket.on("error", () => {}).on("data", ({ length }) => (decrypted += length)),
	);
	untrusted.on("tlsClientError", () => {});
	const log = http.createServer(({ url = "" }, response) => {
		const mine = server.connections.filter(({ received }) => received.includes(`?${url.slice(1)}`));
		const connections = mine.map(({ received, socket }) => ({ received, closed: socket.destroyed, written: socket.bytesWritten }));
		response.end(JSON.stringify({ connections, decrypted } satisfies Seen));
	});
	const hostOf = async (listener: tls.Server | http.Server) => {
		await once(listener.listen(0, "127.0.0.1"), "listening");
		return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
	};
	project.provide("receiver", {
		host: server.host,
		log: await hostOf(log),
		nobody: nobody.host,
		silent: silent.host,
		resets: resets.host,
		untrusted: await hostOf(untrusted),
	});
	return async () => {
		log.closeAllConnections();
		log.close();
		untrusted.close();
		await Promise.all([server, silent, resets].map((one) => one.close()));
	};
}
