import { describe, expect, inject, it, vi } from "vitest";
import type { HttpRequest } from "../../src/core/http.ts";
import { createFetchHttp } from "../../src/worker/http.ts";
import { DEFAULT_RULES, OWN_URL, vectorsAt } from "../support/addresses/vectors.ts";
import { reaching } from "../support/reach.ts";
import type { Seen } from "../support/workers/receiver.ts";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];
const { host, log, nobody, silent, resets, untrusted } = inject("receiver");
const port = host.split(":")[1];
const failed = (reason: string, before: boolean) => ({ kind: "failed", reason, before });

/** Sends as a callback is sent, unless told otherwise. */
function sender(callbackAllow: string[] = LOOPBACK) {
	const http = createFetchHttp(reaching(callbackAllow));
	return (url: string, over: Partial<HttpRequest> = {}) =>
		http({ method: "POST", url, headers: {}, body: "{}", deadlineMs: 5000, keepBytes: 1000, reach: "public", ...over });
}
const send = sender();

/** A path of the receiver with a mark of its own, and what the receiver has seen under that mark. */
function marked(path: string) {
	const mark = crypto.randomUUID();
	const seen = async () => (await (await fetch(`http://${log}/${mark}`)).json()) as Seen;
	return {
		path: `${path}?${mark}`,
		url: `http://${host}${path}?${mark}`,
		seen,
		requests: async () => (await seen()).connections.flatMap(({ received }) => received.split(`?${mark} HTTP`).slice(1)).length,
		closed: () => expect.poll(async () => (await seen()).connections.every(({ closed }) => closed), { timeout: 5000 }).toBe(true),
	};
}

describe("where a callback may go", () => {
	it("this machine is refused by address and by name, and no connection is made", async () => {
		const { path, requests } = marked("/ok/");
		const spellings = ["127.0.0.1", "127.1", "0x7f.1", "017700000001", "2130706433", "127.0.0.1.", "0.0.0.0"];
		for (const name of [...spellings, "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "localhost.", "a.localhost"])
			for (const scheme of ["http", "https"])
				for (const once of [false, true])
					expect(await sender([])(`${scheme}://${name}:${port}${path}`, { once }), name).toEqual(failed("address_refused", true));
		expect(await requests()).toBe(0);
	});

	it("this machine is reached, by address and by name, where the operator listed it", async () => {
		for (const name of ["127.0.0.1", "localhost"])
			expect(await send(`http://${name}:${port}/ok/`)).toMatchObject({ kind: "response", status: 200, body: "ok" });
	});

	it("another private address stays refused beside a listed one", async () => {
		for (const name of ["127.0.0.1:9", "localhost:9", "10.2.0.1", "169.254.169.254", "[fe80::1]", "[::ffff:10.2.0.1]"])
			for (const scheme of ["http", "https"])
				expect(await sender(["10.1.0.0/16"])(`${scheme}://${name}/`), name).toEqual(failed("address_refused", true));
	});

	it("a name that is spelled like a private one is refused, whatever addresses are listed", async () => {
		for (const name of ["intranet", "metadata.google.internal", "printer.local", "db.localdomain"])
			for (const allow of [[], LOOPBACK, ["0.0.0.0/0"]])
				expect(await sender(allow)(`https://${name}/`), name).toEqual(failed("address_refused", true));
	});

	it("plain http is refused for a public address, and for every name", async () => {
		for (const name of ["8.8.8.8", "[2606:4700::1111]", "receiver.example.com"])
			expect(await send(`http://${name}/`), name).toEqual(failed("address_refused", true));
	});

	it("what is no address at all is refused", async () => {
		for (const url of ["", "receiver", "//127.0.0.1/", "ftp://receiver.example.com/", "https://user:word@receiver.example.com/"])
			expect(await send(url), url).toEqual(failed("address_refused", true));
	});

	it("every address vector is refused, or fetched, by its spelling", async () => {
		const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("nobody is called in earnest"));
		const http = createFetchHttp({ ...DEFAULT_RULES, publicUrl: OWN_URL });
		const refused = vectorsAt(8443).filter(({ fate }) => fate === "refused");
		const through = vectorsAt(8443).filter(({ fate }) => fate === "through");
		const to = (url: string) => http({ method: "POST", url, headers: {}, body: "{}", deadlineMs: 5000, keepBytes: 100, reach: "public" });
		for (const { url } of refused) expect(await to(url), url).toEqual(failed("address_refused", true));
		expect(fetched).not.toHaveBeenCalled();
		for (const { url } of through) expect(await to(url), url).toEqual(failed("connection_lost", false));
		expect(fetched).toHaveBeenCalledTimes(through.length);
		fetched.mockRestore();
	});

	it("the operator's own hosts are reached without a list", async () => {
		for (const once of [false, true])
			expect(await sender([])(`http://${host}/ok/`, { reach: "operator", once })).toMatchObject({ status: 200 });
	});

	it.each([301, 302, 303, 307, 308])("a redirect (%i) is an answer, and nobody follows it", async (status) => {
		const { url, requests } = marked(`/redirect/${status}`);
		const location = `/ok/?${status}-followed`;
		expect(await send(url)).toMatchObject({ kind: "response", status, headers: { location } });
		expect(await requests()).toBe(1);
		const { connections } = (await (await fetch(`http://${log}/${status}-followed`)).json()) as Seen;
		expect(connections).toEqual([]);
	});
});

describe("the deadline of a request", () => {
	it.each([
		["nothing", "hang"],
		["half a header", "half-a-header"],
		["a body byte by byte", "byte-by-byte"],
		["chunks without end", "chunk-by-chunk"],
	])("ends one that is answered with %s, and closes its connection", async (_, how) => {
		const { url, closed, requests } = marked(`/${how}/`);
		expect(await send(url, { deadlineMs: 150 })).toEqual(failed("timeout", false));
		await closed();
		expect(await requests()).toBe(1);
	});

	it("ends a TLS handshake that never comes: nobody says that the request was not written", async () => {
		expect(await send(`https://${silent}/`, { deadlineMs: 100 })).toEqual(failed("timeout", false));
	});
});

describe("what is kept of an answer", () => {
	it("is its first bytes; of one without end the status, and the connection is closed", async () => {
		const { url, seen, closed } = marked("/endless/");
		expect(await send(url)).toMatchObject({ kind: "response", status: 200, truncated: true, body: "a".repeat(1000) });
		expect(await send(url, { keepBytes: 0 })).toMatchObject({ kind: "response", status: 200, truncated: true, body: "" });
		await closed();
		expect((await seen()).connections[0]!.written).toBeLessThan(16 * 1024 * 1024);
	});

	it.each([
		[1000, false],
		[1001, true],
	])("of %i bytes where 1000 are kept is truncated: %s", async (bytes, truncated) => {
		expect(await send(`http://${host}/bytes/${bytes}`)).toMatchObject({ status: 500, truncated, body: "b".repeat(1000) });
	});

	it.each(["gzip", "br"])("is unpacked (%s) no further than that, however much it would become", async (how) => {
		expect(await send(`http://${host}/zeros/${how}`)).toMatchObject({ kind: "response", truncated: true, body: "\ufffd".repeat(1000) });
	});

	it("is counted when it is unpacked, not as it came", async () => {
		const { url, seen, closed } = marked("/zeros/gzip");
		expect(await send(url, { keepBytes: 524_288 })).toMatchObject({ kind: "response", truncated: true, body: "\ufffd".repeat(524_288) });
		await closed();
		expect((await seen()).connections[0]!.written).toBeLessThan(60_000); // which is all of it
	});

	it.each(["gzip", "br"])("is readable where it came packed (%s)", async (how) => {
		expect(await send(`http://${host}/packed/${how}`)).toMatchObject({ status: 200, truncated: false, body: "x".repeat(500) });
	});

	it("is nothing where it cannot be unpacked", async () => {
		expect(await send(`http://${host}/badly-packed/`)).toEqual(failed("connection_lost", false));
	});

	it("has no NUL, every header once, and nothing of a status without a body", async () => {
		const headers = { "x-two": "a, b", "set-cookie": "c=1, d=2", "content-length": "3" };
		expect(await send(`http://${host}/headers/`)).toEqual({ kind: "response", status: 200, headers, body: "a\ufffdb", truncated: false });
		expect(await send(`http://${host}/no-body/204`)).toEqual({ kind: "response", status: 204, headers: {}, body: "", truncated: false });
	});

	it("is its status, whichever it is, and any number of headers", async () => {
		for (const status of [200, 401, 404, 410, 421, 425, 429, 503, 521, 599, 999])
			expect(await send(`http://${host}/status/${status}`)).toMatchObject({ kind: "response", status, body: "ok" });
		expect(await send(`http://${host}/many-headers/2000`)).toMatchObject({ status: 200, body: "ok", headers: { "x-1999": "v" } });
	});

	it("is not an interim one, as workerd has it: what comes behind that is not its body", async () => {
		for (const path of ["/interim/100", "/interim/102", "/interim/103", "/no-body/101", "/early-hints/"]) {
			const { url, closed } = marked(path);
			expect(await send(url), path).toEqual(failed("connection_lost", false));
			await closed();
		}
	});
});

describe("a body that is taken", () => {
	const own = new Error("the bucket is gone");
	/** A taker that reads to the end, and what it saw. */
	function taker() {
		const taken = { heads: [] as unknown[], bytes: [] as number[], error: null as unknown };
		const take: HttpRequest["take"] = async (head, chunks) => {
			taken.heads.push(head);
			try {
				for await (const chunk of chunks) for (const byte of chunk) taken.bytes.push(byte);
			} catch (e) {
				taken.error = e;
				throw e;
			}
		};
		return { taken, take };
	}
	const reading = async (chunks: AsyncIterable<Uint8Array>, then: () => unknown) => {
		for await (const _ of chunks) then();
	};

	it("comes whole, and is nowhere else", async () => {
		const { taken, take } = taker();
		const headers = expect.objectContaining({ "content-length": "3", "x-two": "a, b" });
		const answer = await send(`http://${host}/headers/`, { take, keepBytes: 1 });
		expect(answer).toEqual({ kind: "response", status: 200, headers, body: "", truncated: false });
		expect(taken).toEqual({ heads: [{ status: 200, headers }], bytes: [97, 0, 98], error: null });
		const none = taker();
		expect(await send(`http://${host}/no-body/204`, { take: none.take })).toMatchObject({ status: 204, body: "" });
		expect(none.taken).toMatchObject({ heads: [{ status: 204 }], bytes: [] });
	});

	it("comes whole when it is large", async () => {
		const { url, path } = marked("/ok/");
		const mark = path.split("?")[1];
		await send(url, { body: `${"é".repeat(200_000)}{}` }); // which the log tells
		const { taken, take } = taker();
		const answer = await send(`http://${log}/${mark}`, { take });
		expect(answer).toMatchObject({ status: 200 });
		expect(Buffer.from(taken.bytes).equals(new Uint8Array(await (await fetch(`http://${log}/${mark}`)).arrayBuffer()))).toBe(true);
		expect(taken.bytes.length).toBeGreaterThan(400_000);
	});

	it("is unpacked of nothing", async () => {
		const { taken, take } = taker();
		const { readable, writable } = new DecompressionStream("gzip");
		expect(await send(`http://${host}/packed/gzip`, { take })).toMatchObject({ headers: { "content-encoding": "gzip" } });
		expect(taken.bytes.length).toBeLessThan(100);
		const [text] = await Promise.all([new Response(readable).text(), new Response(Uint8Array.from(taken.bytes)).body!.pipeTo(writable)]);
		expect(text).toBe("x".repeat(500));
	});

	it.each([301, 404, 500])("is none of an answer of %i, which is kept as ever", async (status) => {
		const { taken, take } = taker();
		expect(await send(`http://${host}/status/${status}`, { take })).toMatchObject({ kind: "response", status, body: "ok" });
		expect(taken.heads).toEqual([]);
	});

	it("and breaks in the middle is a lost connection, whatever its taker makes of it", async () => {
		const { taken, take } = taker();
		expect(await send(`http://${host}/half/`, { take })).toEqual(failed("connection_lost", false));
		expect(taken.error).toBeInstanceOf(Error);
		const quiet = () => {};
		for (const then of [quiet, () => Promise.reject(own)]) {
			const other: HttpRequest["take"] = (_, chunks) => reading(chunks, quiet).catch(then);
			expect(await send(`http://${host}/half/`, { take: other })).toEqual(failed("connection_lost", false));
		}
	});

	it.each(["byte-by-byte", "chunk-by-chunk", "endless"])("is cut at the deadline (%s)", async (how) => {
		const { url, closed } = marked(`/${how}/`);
		const take: HttpRequest["take"] = (_, chunks) => reading(chunks, () => {});
		expect(await send(url, { take, deadlineMs: 150 })).toEqual(failed("timeout", false));
		await closed();
	});

	it("is cut at the deadline, too, by a taker that does not come to an end", async () => {
		const { url, closed } = marked("/endless/");
		expect(await send(url, { take: () => new Promise(() => {}), deadlineMs: 150 })).toEqual(failed("timeout", false));
		await closed();
	});

	it("is cut by what its taker throws, which is thrown on", async () => {
		const stop = () => {
			throw own;
		};
		const takers: HttpRequest["take"][] = [(_, chunks) => reading(chunks, stop), () => Promise.reject(own), stop];
		for (const take of takers) {
			const { url, seen, closed } = marked("/endless/");
			await expect(send(url, { take: take! })).rejects.toBe(own);
			await closed();
			expect((await seen()).connections[0]!.written).toBeLessThan(16 * 1024 * 1024);
		}
	});

	it("is cut where its taker has enough, and that is an answer", async () => {
		const first: HttpRequest["take"] = async (_, chunks) => {
			for await (const _chunk of chunks) break;
		};
		for (const take of [first, async () => {}]) {
			const { url, closed } = marked("/endless/");
			expect(await send(url, { take })).toMatchObject({ kind: "response", status: 200, body: "" });
			await closed();
		}
	});
});

describe("an upload", () => {
	const bytesOf = (text: string) => new TextEncoder().encode(text);
	/** The receiver answers what ends with {} */
	const END = bytesOf("{}");
	/** What came under a mark: the connection may have been kept from another request. */
	const headAndBody = async ({ path, seen }: ReturnType<typeof marked>) => {
		const [, received = ""] = (await seen()).connections.at(-1)?.received.split(path) ?? [];
		return received.split("\r\n\r\n") as [string, string | undefined];
	};

	it.each([
		["of 2 bytes", 0],
		["of 2 MB", 2_000_000],
	])("%s is sent with its length, in one piece", async (_, size) => {
		const where = marked("/ok/");
		async function* chunks() {
			for (let at = 0; at < size; at += 100_000) yield new Uint8Array(100_000).fill(97);
			yield END;
		}
		const body = { bytes: size + 2, chunks };
		expect(await send(where.url, { body, headers: { "content-type": "a/b" } })).toMatchObject({ status: 200, body: "ok" });
		const [head, received] = await headAndBody(where);
		expect(
			head
				.match(/^(content-length|transfer-encoding|content-type): .*$/gim)!
				.map((line) => line.toLowerCase())
				.toSorted(),
		).toEqual([`content-length: ${size + 2}`, "content-type: a/b"]);
		expect(received).toBe(`${"a".repeat(size)}{}`);
	});

	async function* thousands(count: number, then?: Error) {
		for (let i = 0; i < count; i++) yield new Uint8Array(1000).fill(97);
		if (then) throw then;
	}
	it.each([
		["whose source breaks half-way", () => thousands(5, new Error("the file is gone")), 5000, failed("body_broken", true)],
		["that is shorter than it says", () => thousands(5), 5000, failed("body_broken", true)],
		["that is longer than it says", () => thousands(11), 10_000, failed("connection_lost", false)],
	])("%s is no whole request, and certainly not taken but for the last", async (_, chunks, most, outcome) => {
		const where = marked("/hang/");
		expect(await send(where.url, { body: { bytes: 10_000, chunks }, deadlineMs: 3000 })).toEqual(outcome);
		await where.closed();
		const [head, received = ""] = await headAndBody(where);
		expect(head).toMatch(/content-length: 10000/i);
		expect(received.length).toBeLessThanOrEqual(most);
	});

	it("whose source cannot be read at all was certainly not taken", async () => {
		const chunks = () => {
			throw new Error("no such file");
		};
		const { url } = marked("/hang/");
		expect(await send(url, { body: { bytes: 9, chunks } })).toEqual(failed("body_broken", true));
	});

	it("that is answered before it was read gives that answer, though fetch sends the rest of it first", async () => {
		const { url } = marked("/status/413");
		async function* chunks() {
			yield END;
			await scheduler.wait(50);
			yield END;
		}
		expect(await send(url, { body: { bytes: 4, chunks } })).toMatchObject({ kind: "response", status: 413, body: "ok" });
	});

	it("is not read on when its time is over", async () => {
		const { url } = marked("/hang/");
		let [given, left] = [0, false];
		async function* chunks() {
			try {
				for (; given < 1000; given++) {
					await scheduler.wait(10);
					yield new Uint8Array(1000);
				}
			} finally {
				left = true;
			}
		}
		expect(await send(url, { body: { bytes: 1_000_000, chunks }, deadlineMs: 150 })).toEqual(failed("timeout", false));
		await expect.poll(() => left).toBe(true);
		expect(given).toBeLessThan(100);
	});

	it("whose source hangs ends at the deadline", async () => {
		const { url, closed } = marked("/hang/");
		async function* chunks() {
			yield END;
			await new Promise(() => {});
		}
		expect(await send(url, { body: { bytes: 9, chunks }, deadlineMs: 150 })).toEqual(failed("timeout", false));
		await closed();
	});
});

describe("a connection that breaks", () => {
	it("before the request was written, leaves open what became of it: fetch says the same of both", async () => {
		for (const url of [`http://${nobody}/`, `http://${resets}/`, `https://${nobody}/`, `https://${resets}/`])
			for (const once of [false, true]) expect(await send(url, { once }), url).toEqual(failed("connection_lost", false));
	});

	it.each([
		["is reset", "reset"],
		["is closed without a word", "end"],
		["breaks in the middle of the answer", "half"],
		["speaks something else", "garbage"],
		["sends a megabyte of headers", "long-header"],
	])("after the request was written and %s, leaves open what became of it", async (_, how) => {
		for (const once of [false, true]) {
			const { url, requests } = marked(`/${how}/`);
			expect(await send(url, { once })).toEqual(failed("connection_lost", false));
			expect(await requests()).toBe(1); // no hidden second send
		}
	});

	it("while it was kept from an earlier request, is told and not covered up", async () => {
		const { url, seen, requests } = marked("/reset-later/");
		expect(await send(url, { once: true })).toMatchObject({ status: 200 });
		expect(await send(url, { once: true })).toEqual(failed("connection_lost", false));
		expect((await seen()).connections).toHaveLength(1); // workerd has no connection of its own for anyone
		expect(await requests()).toBe(2);
	});
});

describe("a host that cannot be reached, where fetch does not say why", () => {
	it("has a name that nobody knows", async () => {
		expect(await send("https://receiver.invalid/", { deadlineMs: 20_000 })).toMatchObject({ kind: "failed", before: false });
	});

	it("has a certificate that nobody vouches for, and sees nothing of the request", async () => {
		for (const name of [untrusted, untrusted.replace("127.0.0.1", "localhost")])
			expect(await send(`https://${name}/`)).toEqual(failed("connection_lost", false));
		expect((await marked("/").seen()).decrypted).toBe(0);
	});

	it("speaks no TLS", async () => {
		expect(await send(`https://${log}/`)).toEqual(failed("connection_lost", false));
	});
});

describe("a request", () => {
	it("that cannot be sent as it is fails like any other, and does not throw", async () => {
		const { url, requests } = marked("/ok/");
		expect(await send(url, { headers: { "x-note": "a\r\nb" } })).toEqual(failed("connection_lost", false));
		expect(await send("nowhere", { reach: "operator" })).toEqual(failed("connection_lost", false));
		expect(await requests()).toBe(0);
	});

	it("carries the bytes and headers it was given, no cookies, and no others but that of the platform", async () => {
		const { url, seen } = marked("/headers/");
		for (let i = 0; i < 2; i++) await send(url, { headers: { "webhook-id": "evt_1", "user-agent": "jobhook/0.1" }, body: '{"a":"é"}{}' });
		const [connection] = (await seen()).connections;
		const requests = connection!.received.split("POST ").slice(-2);
		for (const request of requests) {
			const [head, body] = request.split("\r\n\r\n") as [string, string];
			expect(Buffer.from(body, "latin1").toString()).toBe('{"a":"é"}{}');
			const names = [...head.matchAll(/^([\w-]+): /gm)].map(([, name]) => name!.toLowerCase());
			expect(new Set(names)).toEqual(new Set(["host", "content-length", "webhook-id", "user-agent", "cf-worker"]));
		}
	});

	it("that asks is asked anew each time, and no cache on the way answers it", async () => {
		const { url, seen, requests } = marked("/ok/");
		const question = { method: "GET", url, headers: {}, deadlineMs: 5000, keepBytes: 1000, reach: "operator" } as const;
		for (let i = 0; i < 2; i++) expect(await createFetchHttp(reaching())(question)).toMatchObject({ status: 200, body: "ok" });
		expect(await requests()).toBe(2);
		expect((await seen()).connections.at(-1)!.received).toMatch(/cache-control: no-cache/i);
	});
});
