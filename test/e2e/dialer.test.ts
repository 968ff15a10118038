import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import tls from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpRequest } from "../../src/core/http.ts";
import { createHttp } from "../../src/node/dialer.ts";
import { answering, type Listener, listen, selfSigned } from "../support/sockets.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
	for (const one of open.splice(0).toReversed()) await one.close();
});

async function server(...args: Parameters<typeof listen>): Promise<Listener> {
	const listener = await listen(...args);
	open.push(listener);
	return listener;
}

/** Sends through a dialer of its own, or through one that is given. */
function dialer(callbackAllow: string[] = LOOPBACK, connectDeadlineMs = 5000) {
	const http = createHttp({ callbackAllow, connectDeadlineMs });
	open.push(http);
	return (url: string, over: Partial<HttpRequest> = {}) =>
		http({ method: "POST", url, headers: {}, body: "{}", deadlineMs: 5000, keepBytes: 1000, reach: "public", ...over });
}
const failed = (reason: string, before: boolean) => ({ kind: "failed", reason, before });

describe("where a callback may go", () => {
	it("this machine is refused by address and by name, and no connection is made", async () => {
		const { port, connections } = await server(answering(OK));
		const send = dialer([]);
		for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0", "127.0.0.1."])
			for (const scheme of ["http", "https"])
				for (const wish of [false, true])
					expect(await send(`${scheme}://${host}:${port}/`, { once: wish }), host).toEqual(failed("address_refused", true));
		expect(connections).toHaveLength(0);
	});

	it("this machine is reached, by address and by name, where the operator listed it", async () => {
		const { port } = await server(answering(OK));
		const send = dialer();
		for (const host of ["127.0.0.1", "localhost"])
			expect(await send(`http://${host}:${port}/`)).toMatchObject({ kind: "response", status: 200, body: "ok" });
	});

	it("another private address stays refused beside a listed one", async () => {
		const send = dialer(["10.1.0.0/16"]);
		for (const host of ["127.0.0.1:9", "10.2.0.1", "169.254.169.254", "[fe80::1]"])
			expect(await send(`https://${host}/`)).toEqual(failed("address_refused", true));
	});

	it("plain http is refused for a public address", async () => {
		expect(await dialer()("http://8.8.8.8/")).toEqual(failed("address_refused", true));
	});

	it("the operator's own hosts are reached without a list", async () => {
		const { host } = await server(answering(OK));
		for (const wish of [false, true])
			expect(await dialer([])(`http://${host}/`, { reach: "operator", once: wish })).toMatchObject({ status: 200 });
	});

	it("a redirect is an answer, and nobody follows it", async () => {
		const elsewhere = await server(answering(OK));
		for (const status of [301, 302, 307, 308]) {
			const location = `http://${elsewhere.host}/`;
			const { host } = await server(answering(`HTTP/1.1 ${status} Moved\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`));
			expect(await dialer()(`http://${host}/`)).toMatchObject({ kind: "response", status, headers: { location } });
		}
		expect(elsewhere.connections).toHaveLength(0);
	});
});

describe("the deadline of a request", () => {
	const deadlineMs = 150;

	it("ends one that is never answered, and closes its connection", async () => {
		const { host, connections } = await server(() => {});
		expect(await dialer()(`http://${host}/`, { deadlineMs })).toEqual(failed("timeout", false));
		await connections[0]!.closed;
	});

	it.each([
		["half a header", "HTTP/1.1 200 OK\r\nx-slow: ", "a"],
		["a body byte by byte", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", "a"],
		["chunks without end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n"],
		["early hints without end", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"],
	])("ends one that is answered with %s", async (_, start, drip) => {
		const timers: NodeJS.Timeout[] = [];
		const { host, connections } = await server((socket: Socket) => {
			socket.write(start);
			timers.push(setInterval(() => socket.write(drip), 10));
		});
		expect(await dialer()(`http://${host}/`, { deadlineMs })).toEqual(failed("timeout", false));
		await connections[0]!.closed;
		for (const timer of timers) clearInterval(timer);
	});

	it("is shorter for the connection: a TLS handshake that never comes is one before the request", async () => {
		const { host } = await server(() => {});
		expect(await dialer(LOOPBACK, 100)(`https://${host}/`)).toEqual(failed("connect_timeout", true));
	});
});

describe("what is kept of an answer", () => {
	it("is its first bytes; of one without end the status, and the connection is closed", async () => {
		const { host, connections } = await server((socket) => {
			socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
			const pour = () => {
				while (!socket.destroyed && socket.write(`400\r\n${"a".repeat(1024)}\r\n`));
			};
			socket.on("drain", pour);
			pour();
		});
		expect(await dialer()(`http://${host}/`)).toMatchObject({ kind: "response", status: 200, truncated: true, body: "a".repeat(1000) });
		await connections[0]!.closed;
		expect(connections[0]!.socket.bytesWritten).toBeLessThan(16 * 1024 * 1024);
	});

	it.each([
		[1000, false],
		[1001, true],
	])("of %i bytes where 1000 are kept is truncated: %s", async (bytes, truncated) => {
		const { host } = await server(answering(`HTTP/1.1 500 Oops\r\ncontent-length: ${bytes}\r\n\r\n${"b".repeat(bytes)}`));
		expect(await dialer()(`http://${host}/`)).toMatchObject({ status: 500, truncated, body: "b".repeat(1000) });
	});

	it("is not unpacked, however small it came", async () => {
		const packed = gzipSync("x".repeat(10_000_000));
		const { host } = await server((socket) => {
			socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`);
			socket.write(packed);
		});
		const answer = await dialer()(`http://${host}/`, { keepBytes: 20_000 });
		if (answer.kind !== "response") throw new Error(answer.reason);
		expect(answer).toMatchObject({ status: 200, truncated: false, headers: { "content-encoding": "gzip" } });
		expect(answer.body).toBe(new TextDecoder().decode(packed).replaceAll("\u0000", "\ufffd"));
	});

	it("has no NUL, every header once, and nothing of a status without a body", async () => {
		const { host } = await server(answering("HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two: b\r\ncontent-length: 3\r\n\r\na\u0000b"));
		expect(await dialer()(`http://${host}/`)).toMatchObject({ headers: { "x-two": "a, b" }, body: "a\ufffdb" });
		const empty = await server(answering("HTTP/1.1 204 No Content\r\n\r\n"));
		expect(await dialer()(`http://${empty.host}/`)).toMatchObject({ status: 204, body: "", truncated: false });
	});
});

describe("a connection that breaks", () => {
	it("before the request was written, is one before", async () => {
		const reset = await server(
			() => {},
			(socket) => socket.resetAndDestroy(),
		);
		expect(await dialer()(`https://${reset.host}/`)).toEqual(failed("connect_failed", true));
		const gone = await listen(() => {});
		await gone.close();
		expect(await dialer()(`http://${gone.host}/`)).toEqual(failed("connect_failed", true));
	});

	const half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
	it.each<[string, (socket: Socket) => void]>([
		["is reset", (socket) => socket.resetAndDestroy()],
		["is closed without a word", (socket) => socket.end()],
		["breaks in the middle of the answer", (socket) => socket.write(half, () => socket.destroy())],
		["speaks something else", (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n")],
		["sends a megabyte of headers", (socket) => socket.write(`HTTP/1.1 200 OK\r\nx-long: ${"a".repeat(1_048_576)}\r\n\r\n`)],
	])("after the request was written and %s, leaves open what became of it", async (_, onData) => {
		const { host, connections } = await server(onData);
		expect(await dialer()(`http://${host}/`)).toEqual(failed("connection_lost", false));
		expect(connections).toHaveLength(1); // no hidden second send
	});

	it("while it was kept from an earlier request, is told and not covered up", async () => {
		const { host, connections } = await server((socket, received) => {
			if (received.split("POST ").length > 2) socket.resetAndDestroy();
			else socket.write(OK);
		});
		const send = dialer();
		expect(await send(`http://${host}/`)).toMatchObject({ status: 200 });
		await setImmediate();
		expect(await send(`http://${host}/`)).toEqual(failed("connection_lost", false));
		expect(connections).toHaveLength(1);
	});
});

describe("a host that cannot be reached", () => {
	it("because nobody knows its name, is one before", async () => {
		expect(await dialer()("https://receiver.invalid/", { deadlineMs: 20_000 })).toEqual(failed("dns_error", true));
	});

	it("because nobody vouches for its certificate, is one before, and it sees nothing of the request", async () => {
		let seen = 0;
		const secure = tls.createServer(selfSigned(), (socket) => socket.on("data", () => seen++));
		secure.on("tlsClientError", () => {});
		secure.listen(0, "127.0.0.1");
		await once(secure, "listening");
		const { port } = secure.address() as AddressInfo;
		for (const host of ["127.0.0.1", "localhost"]) expect(await dialer()(`https://${host}:${port}/`)).toEqual(failed("tls_error", true));
		const plain = await server((socket) => socket.write("this is not TLS at all\r\n"));
		expect(await dialer()(`https://${plain.host}/`)).toEqual(failed("tls_error", true));
		expect(seen).toBe(0);
		secure.close();
		await once(secure, "close");
	});
});

describe("a stop", () => {
	it("cuts what is under way and what comes, but for a request that must not be sent twice", async () => {
		const waiting: Socket[] = [];
		const { host, connections } = await server((socket) => void waiting.push(socket));
		const http = createHttp({ callbackAllow: LOOPBACK, connectDeadlineMs: 5000 });
		open.push(http);
		const request = { method: "GET", url: `http://${host}/`, headers: {}, deadlineMs: 5000, keepBytes: 1000, reach: "public" } as const;
		const [cut, kept] = [http(request), http({ ...request, once: true })];
		await expect.poll(() => waiting.length).toBe(2);
		http.cut();
		expect(await cut).toEqual(failed("stopped", false));
		expect(await http(request)).toEqual(failed("stopped", true));
		expect(connections).toHaveLength(2);
		for (const socket of waiting) if (!socket.destroyed) socket.write(OK);
		expect(await kept).toMatchObject({ status: 200 });
		expect(await http({ ...request, url: "http://10.0.0.1/", once: true })).toEqual(failed("address_refused", true));
	});
});

describe("a host that speaks HTTP/2", () => {
	const before = tls.getCACertificates("default");
	afterEach(() => tls.setDefaultCACertificates(before));

	it("is spoken to in HTTP/1.1: nothing shares a session, and nothing that was refused is sent again", async () => {
		const pair = selfSigned();
		tls.setDefaultCACertificates([...before, pair.cert.toString()]);
		const seen: string[] = [];
		let sessions = 0;
		const secure = http2.createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
			seen.push(`${request.httpVersion} ${request.method}`);
			request.resume().on("end", () => response.end("ok"));
		});
		secure.on("session", () => sessions++);
		secure.on("stream", (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM));
		secure.listen(0, "127.0.0.1");
		await once(secure, "listening");
		let connections = 0;
		secure.on("secureConnection", () => connections++);
		const url = `https://localhost:${(secure.address() as AddressInfo).port}/`;
		const send = dialer();
		for (const wish of [{}, {}, { once: true }, { once: true }]) {
			expect(await send(url, wish)).toMatchObject({ kind: "response", status: 200, body: "ok" });
			await setImmediate();
		}
		expect({ sessions, seen, connections }).toEqual({ sessions: 0, seen: Array(4).fill("1.1 POST"), connections: 3 });
		secure.close();
	});
});

describe("a connection", () => {
	it("is kept for the next request, but for requests that must not be sent twice", async () => {
		const { host, connections } = await server(answering(OK));
		const send = dialer();
		for (let i = 0; i < 3; i++) {
			expect(await send(`http://${host}/`)).toMatchObject({ status: 200 });
			await setImmediate(); // the connection is free a moment after its answer is whole
		}
		expect(connections).toHaveLength(1);
		for (let i = 0; i < 3; i++) expect(await send(`http://${host}/`, { once: true })).toMatchObject({ status: 200 });
		expect(connections).toHaveLength(4);
		for (const { received } of connections.slice(1)) expect(received.split("POST ")).toHaveLength(2);
	});

	it("carries the bytes and headers it was given, and no others that say who we are", async () => {
		const { host, connections } = await server(answering(OK));
		await dialer()(`http://${host}/hooks?a=1`, { headers: { "webhook-id": "evt_1", "content-type": "application/json" } });
		const [head, body] = connections[0]!.received.split("\r\n\r\n") as [string, string];
		expect(body).toBe("{}");
		expect(head.split("\r\n").toSorted((a, b) => a.localeCompare(b))).toEqual(
			[
				"POST /hooks?a=1 HTTP/1.1",
				`host: ${host}`,
				"connection: keep-alive",
				"webhook-id: evt_1",
				"content-type: application/json",
				"content-length: 2",
			].toSorted((a, b) => a.localeCompare(b)),
		);
	});
});
