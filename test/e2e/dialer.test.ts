import { pbkdf2, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpRequest } from "../../src/core/http.ts";
import { createHttp } from "../../src/node/dialer/dialer.ts";
import { child } from "../support/child.ts";
import { blackHole } from "../support/hostile.ts";
import { reaching } from "../support/reach.ts";
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
	const http = createHttp({ ...reaching(callbackAllow), connectDeadlineMs });
	open.push(http);
	return (url: string, over: Partial<HttpRequest> = {}) =>
		http({ method: "POST", url, headers: {}, body: "{}", deadlineMs: 5000, keepBytes: 1000, reach: "public", ...over });
}
const failed = (reason: string, before: boolean) => ({ kind: "failed", reason, before });

/** Opened before all tests, so that they do not wait for it: a host that would like its connection to be kept for ten minutes. */
const kept = (async () => {
	const { host, connections, close } = await listen(answering(OK.replace("\r\n", "\r\nkeep-alive: timeout=600\r\n")));
	const http = createHttp({ ...reaching(LOOPBACK), connectDeadlineMs: 5000 });
	await http({ method: "POST", url: `http://${host}/`, headers: {}, body: "{}", deadlineMs: 5000, keepBytes: 1000, reach: "public" });
	const [connection] = connections;
	return {
		closed: connection!.closed,
		until: performance.now() + 6000,
		close: async () => void (await Promise.all([http.close(), close()])),
	};
})();

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
	const trusted = tls.getCACertificates("default");
	afterEach(() => tls.setDefaultCACertificates(trusted));

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

	it.each([false, true])("ends one that waits for a connection, and is not taken up when that is there (once: %s)", async (wish) => {
		const hole = await blackHole();
		open.push(hole);
		const send = dialer();
		const from = performance.now();
		expect(await send(`http://${hole.host}/`, { deadlineMs, once: wish })).toEqual(failed("connect_timeout", true));
		expect(performance.now() - from).toBeLessThan(deadlineMs + 500);

		const pair = selfSigned();
		tls.setDefaultCACertificates([...trusted, pair.cert.toString()]);
		const posts: string[] = [];
		const secure = tls.createServer(pair, (socket) => {
			socket.on("error", () => {}).on("data", (bytes) => posts.push(bytes.toString()));
		});
		await once(secure.listen(0, "127.0.0.1"), "listening");
		open.push({ close: async () => void secure.close() });
		const late = await server(
			() => {},
			(socket) => {
				socket.removeAllListeners("data").pause();
				const forward = () =>
					socket
						.pipe(connect((secure.address() as AddressInfo).port, "127.0.0.1"))
						.on("error", () => {})
						.pipe(socket);
				setTimeout(forward, 2 * deadlineMs);
			},
		);
		expect(await send(`https://${late.host}/`, { deadlineMs, once: wish })).toEqual(failed("connect_timeout", true));
		await late.connections[0]!.closed;
		expect(late.connections[0]!.socket.bytesWritten).toBeGreaterThan(0); // the server's part of the handshake
		expect(posts).toEqual([]);
		expect(late.connections).toHaveLength(1);
	});

	it("closes the source of an upload, and nothing of it is heard again", async () => {
		const { host, connections } = await server((socket) => void socket.pause());
		let [given, left] = [0, false];
		async function* chunks() {
			try {
				for (; ; given++) yield new Uint8Array(100_000);
			} finally {
				left = true;
			}
		}
		expect(await dialer()(`http://${host}/`, { body: { bytes: 1e10, chunks }, deadlineMs })).toEqual(failed("timeout", false));
		await expect.poll(() => left).toBe(true);
		const then = given;
		connections[0]!.socket.removeAllListeners("data").resume();
		await connections[0]!.closed;
		expect(given).toBe(then);
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

	const coded = (how: string, bytes: Buffer) =>
		Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: ${how}\r\ncontent-length: ${bytes.length}\r\n\r\n`), bytes]);
	const asText = (bytes: Buffer) => new TextDecoder().decode(bytes).replaceAll("\u0000", "\ufffd");

	it.each([
		["gzip", zlib.gzipSync],
		["deflate", zlib.deflateSync],
		["br", zlib.brotliCompressSync],
		["zstd", zlib.zstdCompressSync],
	])("is unpacked (%s), and no further than that, however much it would become", async (how, pack) => {
		for (const [bytes, truncated] of [
			[500, false],
			[1000, false],
			[1001, true],
			[50_000_000, true],
		] as const) {
			const { host } = await server((socket) => socket.write(coded(how, pack(Buffer.alloc(bytes, "x")))));
			const body = "x".repeat(Math.min(bytes, 1000));
			const answer = await dialer()(`http://${host}/`);
			expect(answer).toMatchObject({ kind: "response", status: 200, body, truncated, headers: { "content-encoding": how } });
		}
	});

	it("is as it came where it is not packed as it says, and is read no further for that", async () => {
		const junk = randomBytes(3000);
		for (const [packed, truncated] of [
			[Buffer.from("hello"), false],
			[junk, true],
			[Buffer.alloc(0), false],
		] as const) {
			const { host } = await server((socket) => socket.write(coded("gzip", packed)));
			expect(await dialer()(`http://${host}/`)).toMatchObject({ status: 200, body: asText(packed.subarray(0, 1000)), truncated });
		}
	});

	it("is as much as its first bytes give, where it is long when it is packed, too", async () => {
		const text = randomBytes(3000).toString("hex");
		const { host } = await server((socket) => socket.write(coded("gzip", zlib.gzipSync(text))));
		const answer = await dialer()(`http://${host}/`);
		if (answer.kind !== "response") throw new Error(answer.reason);
		expect(answer).toMatchObject({ status: 200, truncated: true });
		expect(answer.body.length).toBeGreaterThan(500);
		expect(text.startsWith(answer.body)).toBe(true);
	});

	it("is an answer that came, also when its time is over before anybody could unpack it", async () => {
		const packed = zlib.gzipSync("hello");
		const { host } = await server((socket) => socket.write(coded("gzip", packed)));
		const others = Array.from({ length: 8 }, () => promisify(pbkdf2)("a", "b", 400_000, 64, "sha512")); // they have all of zlib's threads
		const answer = await dialer()(`http://${host}/`, { deadlineMs: 100 });
		expect(answer).toMatchObject({ kind: "response", status: 200, body: asText(packed), truncated: false });
		await Promise.all(others);
	});

	it("has no NUL, every header once, and nothing of a status without a body", async () => {
		const { host } = await server(answering("HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two: b\r\ncontent-length: 3\r\n\r\na\u0000b"));
		expect(await dialer()(`http://${host}/`)).toMatchObject({ headers: { "x-two": "a, b" }, body: "a\ufffdb" });
		const empty = await server(answering("HTTP/1.1 204 No Content\r\n\r\n"));
		expect(await dialer()(`http://${empty.host}/`)).toMatchObject({ status: 204, body: "", truncated: false });
	});
});

describe("a body that is taken", () => {
	const drained = async (chunks: AsyncIterable<Uint8Array>) => {
		for await (const _ of chunks);
	};
	const HALF = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
	/** Takes a body from a server that answers so, and says what came of it and of the promise it was taken with. */
	function taking(callback: (socket: Socket) => unknown, over: Partial<HttpRequest> = {}) {
		const taken = { heads: [] as unknown[], text: "", error: null as unknown };
		const take: HttpRequest["take"] = async (head, chunks) => {
			taken.heads.push(head);
			try {
				for await (const chunk of chunks) taken.text += Buffer.from(chunk).toString("latin1");
			} catch (e) {
				taken.error = e;
				throw e;
			}
		};
		const send = async () => {
			const { host, connections } = await server((socket) => void callback(socket));
			return { answer: await dialer()(`http://${host}/`, { take, ...over }), connections };
		};
		return { taken, send };
	}
	const pour = (socket: Socket) => {
		socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
		const more = () => {
			while (!socket.destroyed && socket.write(`400\r\n${"a".repeat(1024)}\r\n`));
		};
		socket.on("drain", more);
		more();
	};

	it.each([
		["with a length", "HTTP/1.1 201 Created\r\ncontent-length: 4\r\nx-a: b\r\n\r\nbody", "body"],
		["in chunks", "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nx-a: b\r\n\r\n4\r\nbody\r\n0\r\n\r\n", "body"],
		["that says it is packed", "HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\nx-a: b\r\n\r\nbody", "body"],
		["of no bytes", "HTTP/1.1 201 Created\r\ncontent-length: 0\r\nx-a: b\r\n\r\n", ""],
		["longer than it says", "HTTP/1.1 201 Created\r\ncontent-length: 4\r\nx-a: b\r\n\r\nbody and more", "body"],
	])("comes whole and as it is, %s, and is nowhere else", async (_, text, body) => {
		const { taken, send } = taking((socket) => socket.write(text), { keepBytes: 1 });
		const { answer } = await send();
		expect(answer).toMatchObject({ kind: "response", status: 201, headers: { "x-a": "b" }, body: "", truncated: false });
		expect(taken).toMatchObject({ heads: [{ status: 201, headers: { "x-a": "b" } }], text: body, error: null });
	});

	it.each([300, 304, 404, 500])("is none of an answer of %i, which is kept as ever", async (status) => {
		const { taken, send } = taking((socket) => socket.write(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`));
		expect((await send()).answer).toMatchObject({ kind: "response", status, truncated: false });
		const refused = taking((socket) => socket.write("HTTP/1.1 404 X\r\ncontent-length: 4\r\n\r\ngone"));
		expect((await refused.send()).answer).toMatchObject({ status: 404, body: "gone" });
		expect([taken.heads, refused.taken.heads]).toEqual([[], []]);
	});

	it.each<[string, (socket: Socket) => unknown, string]>([
		["is reset", (socket) => socket.write(HALF, () => socket.resetAndDestroy()), "connection_lost"],
		["ends before its length", (socket) => socket.end(HALF), "connection_lost"],
		["ends within a chunk", (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf"), "connection_lost"],
		[
			"turns into something else",
			(socket) => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalfoops"),
			"invalid_response",
		],
	])("and %s failed, whatever its taker makes of it", async (_, callback, reason) => {
		const { taken, send } = taking(callback);
		expect((await send()).answer).toEqual(failed(reason, false));
		expect(taken.error).toBeInstanceOf(Error);
		const takers: HttpRequest["take"][] = [
			(__, chunks) => drained(chunks).catch(() => {}),
			(__, chunks) => drained(chunks).catch(() => Promise.reject(new Error("mine"))),
		];
		for (const take of takers) expect((await taking(callback, { take: take! }).send()).answer).toEqual(failed(reason, false));
	});

	it.each<[string, (socket: Socket) => unknown]>([
		["that stops coming", (socket) => socket.write(HALF)],
		["without end", pour],
	])("%s is cut at the deadline", async (_, callback) => {
		const { taken, send } = taking(callback, { deadlineMs: 150 });
		const { answer, connections } = await send();
		expect(answer).toEqual(failed("timeout", false));
		await connections[0]!.closed;
		await expect.poll(() => taken.error).toBeInstanceOf(Error);
	});

	it("is cut at the deadline, too, by a taker that does not come to an end, and nobody hears what it says then", async () => {
		let give: (e: Error) => void = () => {};
		const take = () => new Promise<void>((_, reject) => (give = reject));
		const { answer, connections } = await taking(pour, { take, deadlineMs: 150 }).send();
		expect(answer).toEqual(failed("timeout", false));
		give(new Error("too late"));
		await connections[0]!.closed;
	});

	it("is cut by what its taker throws, which is thrown on", async () => {
		const full = Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
		const takers: HttpRequest["take"][] = [
			async (_, chunks) => {
				for await (const _chunk of chunks) throw full;
			},
			() => Promise.reject(full),
			() => {
				throw full;
			},
		];
		for (const take of takers) {
			const { host, connections } = await server(pour);
			await expect(dialer()(`http://${host}/`, { take: take! })).rejects.toBe(full);
			await connections[0]!.closed;
			expect(connections[0]!.socket.bytesWritten).toBeLessThan(16 * 1024 * 1024);
		}
	});

	it("is cut where its taker has enough, and that is an answer", async () => {
		const takers: HttpRequest["take"][] = [
			async (_, chunks) => {
				for await (const _chunk of chunks) break;
			},
			async () => {},
		];
		for (const take of takers) {
			const { answer, connections } = await taking(pour, { take: take! }).send();
			expect(answer).toMatchObject({ kind: "response", status: 200, body: "" });
			await connections[0]!.closed;
		}
	});

	it("leaves its connection to the next request", async () => {
		const { host, connections } = await server(answering(OK));
		const send = dialer();
		for (let i = 0; i < 3; i++) {
			expect(await send(`http://${host}/`, { take: (_, chunks) => drained(chunks) })).toMatchObject({ status: 200 });
			await setImmediate();
		}
		expect(connections).toHaveLength(1);
	});
});

describe("an upload", () => {
	const MIB = 1_048_576;
	async function* pieces(count: number, bytes: number) {
		for (let i = 0; i < count; i++) yield new Uint8Array(bytes).fill(97);
	}
	/** Answers when the last byte has come, and not before. */
	const counting = (bytes: number) => {
		const end = (received: string) => received.indexOf("\r\n\r\n") + 4 + bytes;
		return server((socket, received) => void (received.length === end(received) && socket.write(OK)));
	};

	it.each([
		[0, []],
		[1, [1]],
		[6, [0, 1, 0, 2, 3]],
		[200_000, [100_000, 99_999, 1]],
	])("of %i bytes is sent with its length, in one piece", async (bytes, sizes) => {
		const { host, connections } = await counting(bytes);
		async function* chunks() {
			for (const size of sizes) yield new Uint8Array(size).fill(97);
		}
		const send = dialer();
		for (const once of [false, true])
			expect(await send(`http://${host}/`, { body: { bytes, chunks }, once, headers: { "content-type": "a/b" } })).toMatchObject({
				body: "ok",
			});
		for (const { received } of connections) {
			const [head, body] = received.split("\r\n\r\n") as [string, string];
			expect(head.match(/content-length: .*|transfer-encoding.*|content-type.*/gi)!.toSorted()).toEqual([
				`content-length: ${bytes}`,
				"content-type: a/b",
			]);
			expect(body).toBe("a".repeat(bytes));
		}
		expect(connections).toHaveLength(2);
	});

	it.each<[string, () => AsyncIterable<Uint8Array>, number, ReturnType<typeof failed>]>([
		[
			"whose source breaks half-way",
			async function* () {
				yield* pieces(5, 1000);
				throw new Error("the file is gone");
			},
			5000,
			failed("body_broken", true),
		],
		[
			"whose source cannot be read at all",
			() => {
				throw new Error("no such file");
			},
			0,
			failed("body_broken", true),
		],
		[
			"whose source breaks behind its last byte",
			async function* () {
				yield* pieces(10, 1000);
				throw new Error("it could not be closed");
			},
			10_000,
			failed("connection_lost", false),
		],
		["that is shorter than it says", () => pieces(5, 1000), 5000, failed("connection_lost", false)],
		["that is longer than it says", () => pieces(11, 1000), 10_000, failed("connection_lost", false)],
	])("%s is no whole request, and certainly not taken where its source broke", async (_, chunks, most, outcome) => {
		const { host, connections } = await server(() => {});
		expect(await dialer()(`http://${host}/`, { body: { bytes: 10_000, chunks } })).toEqual(outcome);
		await connections[0]?.closed;
		const [, body = ""] = connections[0]!.received.split("\r\n\r\n");
		expect(body.length).toBeLessThanOrEqual(most);
		expect(connections).toHaveLength(1);
	});

	it("is not even opened where nobody can be reached", async () => {
		const gone = await listen(() => {});
		await gone.close();
		let opened = 0;
		const chunks = () => {
			opened++;
			return pieces(1, 1);
		};
		expect(await dialer()(`http://${gone.host}/`, { body: { bytes: 1, chunks } })).toEqual(failed("connect_failed", true));
		expect(await dialer([])(`http://${gone.host}/`, { body: { bytes: 1, chunks } })).toEqual(failed("address_refused", true));
		expect(opened).toBe(0);
	});

	it.each([
		["keeps the connection", (socket: Socket, answer: string) => socket.write(answer)],
		["ends its side", (socket: Socket, answer: string) => socket.end(answer)],
	])("that is answered before it was read gives that answer, where the server %s, and is not read on", async (_, give) => {
		const early = "HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge";
		const { host, connections } = await server((socket) => {
			if (socket.isPaused()) return;
			socket.pause();
			give(socket, early);
		});
		let [given, left] = [0, false];
		async function* chunks() {
			try {
				for await (const piece of pieces(2000, MIB / 8)) {
					given += piece.length;
					yield piece;
				}
			} finally {
				left = true;
			}
		}
		const answer = await dialer()(`http://${host}/`, { body: { bytes: 250 * MIB, chunks } });
		expect(answer).toMatchObject({ kind: "response", status: 413, body: "large" });
		await expect.poll(() => left).toBe(true);
		expect(given).toBeLessThan(100 * MIB);
		connections[0]!.socket.resume();
		await connections[0]!.closed;
	});

	it("that nobody reads, or whose source hangs, ends at the deadline", async () => {
		const { host } = await server((socket) => void socket.pause());
		const send = dialer();
		const unread = { bytes: 250 * MIB, chunks: () => pieces(250, MIB) };
		expect(await send(`http://${host}/`, { body: unread, deadlineMs: 150 })).toEqual(failed("timeout", false));
		async function* hangs() {
			yield new Uint8Array(1);
			await new Promise(() => {});
		}
		expect(await send(`http://${host}/`, { body: { bytes: 9, chunks: hangs }, deadlineMs: 150 })).toEqual(failed("timeout", false));
	});
});

describe("memory", () => {
	/** Gives as many bytes as the path says, or tells how many it was given. */
	const mover = () =>
		createServer(async (request, response) => {
			let left = request.method === "GET" ? Number(request.url?.slice(1)) : 0;
			const piece = Buffer.alloc(100_000, "a");
			const body = Readable.from(
				(function* () {
					for (; left > 0; left -= piece.length) yield piece;
				})(),
			);
			if (request.method === "GET") return pipeline(body, response).catch(() => {});
			let given = 0;
			for await (const chunk of request) given += (chunk as Buffer).length;
			return response.end(`${given}`);
		});

	it.each(["download", "upload"])("of 200 MB (%s) is less than 60 MB", async (way) => {
		const moving = mover().listen(0, "127.0.0.1");
		open.push({ close: async () => void moving.close() });
		await once(moving, "listening");
		const url = `http://127.0.0.1:${(moving.address() as AddressInfo).port}`;
		const said = JSON.parse(await child("../e2e/dialer.child.ts", [way, "200000000", url]).said()) as Record<string, number>;
		const body = way === "upload" ? "200000000" : "";
		expect(said).toMatchObject({ moved: 200_000_000, answer: { kind: "response", status: 200, body } });
		expect(said["grown"]).toBeLessThan(60_000_000);
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
	it.each<[string, (socket: Socket) => void, string]>([
		["is reset", (socket) => socket.resetAndDestroy(), "connection_lost"],
		["is closed without a word", (socket) => socket.end(), "connection_lost"],
		["breaks in the middle of the answer", (socket) => socket.write(half, () => socket.destroy()), "connection_lost"],
		["speaks something else", (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"), "invalid_response"],
		[
			"sends a megabyte of headers",
			(socket) => socket.write(`HTTP/1.1 200 OK\r\nx-long: ${"a".repeat(1_048_576)}\r\n\r\n`),
			"headers_too_large",
		],
	])("after the request was written and %s, leaves open what became of it", async (_, onData, reason) => {
		const { host, connections } = await server(onData);
		for (const wish of [false, true]) {
			expect(await dialer()(`http://${host}/`, { once: wish })).toEqual(failed(reason, false));
			expect(connections).toHaveLength(1); // no hidden second send
			connections.pop();
		}
	});

	it("in a header block of 16 KiB does not, and in one that is longer does", async () => {
		const of = (bytes: number) => `HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ${"a".repeat(bytes - "content-length0x".length)}\r\n\r\n`;
		for (const [bytes, outcome] of [
			[16_383, { status: 200 }],
			[16_384, failed("headers_too_large", false)],
		] as const) {
			const { host } = await server(answering(of(bytes)));
			expect(await dialer()(`http://${host}/`)).toMatchObject(outcome);
		}
	});

	it("is not the connection of the next request, whatever came behind the answer", async () => {
		for (const more of [
			"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
			"garbage",
			"HTTP/1.1 099 X\r\n\r\n",
			`HTTP/1.1 500 X\r\nx: ${"a".repeat(20_000)}`,
		]) {
			const { host, connections } = await server(answering(OK + more));
			const send = dialer();
			for (let i = 1; i <= 3; i++) {
				expect(await send(`http://${host}/`), more).toMatchObject({ status: 200, body: "ok" });
				expect(connections).toHaveLength(i);
			}
		}
	});

	it("is told of many interim answers, but not of a few", async () => {
		const hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
		for (const [count, outcome] of [
			[100, { status: 200 }],
			[101, failed("invalid_response", false)],
		] as const) {
			const { host } = await server(answering(hints.repeat(count) + OK));
			expect(await dialer()(`http://${host}/`)).toMatchObject(outcome);
		}
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
	it("cuts what waits for a connection: that was certainly not sent", async () => {
		const hole = await blackHole();
		open.push(hole);
		const http = createHttp({ ...reaching(LOOPBACK), connectDeadlineMs: 5000 });
		open.push(http);
		const cut = http({
			method: "POST",
			url: `http://${hole.host}/`,
			headers: {},
			body: "{}",
			deadlineMs: 5000,
			keepBytes: 0,
			reach: "public",
		});
		await setImmediate();
		http.cut();
		expect(await cut).toEqual(failed("stopped", true));
	});

	it("cuts a body that is taken", async () => {
		const { host, connections } = await server((socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"));
		const http = createHttp({ ...reaching(LOOPBACK), connectDeadlineMs: 5000 });
		open.push(http);
		let begun = false;
		const take: HttpRequest["take"] = async (_, chunks) => {
			for await (const _chunk of chunks) begun = true;
		};
		const request = { method: "GET", url: `http://${host}/`, headers: {}, deadlineMs: 5000, keepBytes: 0, reach: "public" } as const;
		const cut = http({ ...request, take });
		await expect.poll(() => begun).toBe(true);
		http.cut();
		expect(await cut).toEqual(failed("stopped", false));
		await connections[0]!.closed;
	});

	it("cuts what is under way and what comes, but for a request that must not be sent twice", async () => {
		const waiting: Socket[] = [];
		const { host, connections } = await server((socket) => void waiting.push(socket));
		const http = createHttp({ ...reaching(LOOPBACK), connectDeadlineMs: 5000 });
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

	it("is kept for seconds, however long the other side would like to have it", async () => {
		const { closed, ...greedy } = await kept;
		expect(await Promise.race([closed.then(() => "closed"), sleep(greedy.until - performance.now(), "open")])).toBe("closed");
		await greedy.close();
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
