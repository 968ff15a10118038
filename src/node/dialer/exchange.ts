import { Readable } from "node:stream";
import { type Agent, type Dispatcher, request as undiciRequest } from "undici";
import type { HttpAnswer, HttpFailure, HttpRequest, Upload } from "../../core/http.ts";
import { handOver, Thrown } from "../../core/take.ts";
import { NotConnected } from "./connector.ts";
import { failureOf } from "./failure.ts";
import { unpack } from "./unpack.ts";

/** Answers of 1xx before the last one. They cost the sender nothing, and us a header block each. */
const MOST_INTERIM = 100;

/** One request and its answer. */
export class Exchange {
	readonly #request: HttpRequest;
	readonly #dispatcher: Agent;
	readonly #abort = new AbortController();
	#ended: HttpFailure | null = null;
	/** A byte of the request may have been written. */
	#begun = false;
	#headed = false;

	constructor(request: HttpRequest, dispatcher: Agent) {
		this.#request = request;
		this.#dispatcher = dispatcher;
	}

	/** Ends it now, for this reason; the first one counts. */
	end(reason: HttpFailure): void {
		this.#ended ??= reason;
		this.#abort.abort();
	}

	/** Sends it. To be called once. Rejects with what `take` throws, and with nothing else. */
	async answer(): Promise<HttpAnswer> {
		const deadline = setTimeout(() => this.end("timeout"), this.#request.deadlineMs);
		try {
			return await this.#exchange();
		} catch (e) {
			if (e instanceof Thrown) throw e.error;
			return { kind: "failed", ...this.#failure(e) };
		} finally {
			clearTimeout(deadline);
		}
	}

	#failure(e: unknown): { reason: HttpFailure; before: boolean } {
		if (e instanceof NotConnected) return { reason: e.reason, before: true };
		if (this.#ended === "body_broken") return { reason: "body_broken", before: true };
		if (this.#begun) return { reason: this.#ended ?? failureOf(e, this.#headed), before: false };
		return { reason: this.#ended === "timeout" ? "connect_timeout" : (this.#ended ?? "connection_lost"), before: true };
	}

	async #exchange(): Promise<HttpAnswer> {
		const { url, method, keepBytes, take } = this.#request;
		const { signal } = this.#abort;
		const asking = undiciRequest(url, {
			dispatcher: this.#watched(),
			method,
			...sendable(this.#request, () => this.end("body_broken")),
			signal,
			headersTimeout: 0,
			bodyTimeout: 0,
		});
		const answer = await Promise.race([asking, aborted(signal)]); // undici goes on waiting for a connection when the signal aborts
		this.#headed = true;
		const head = { status: answer.statusCode, headers: flat(answer.headers) };
		if (take === undefined || head.status > 299) {
			const kept = await firstOf(answer.body, keepBytes);
			return { kind: "response", ...head, ...(await readable(kept, head.headers["content-encoding"], keepBytes, signal)) };
		}
		try {
			await handOver(take, head, answer.body, signal);
		} finally {
			answer.body.on("error", () => {}).destroy(); // one that was not read to its end closes its connection
		}
		return { kind: "response", ...head, body: "", truncated: false };
	}

	/** Notes when undici begins to write, and counts the interim answers. What has ended before it begins is not written. */
	#watched(): Dispatcher {
		let interim = 0;
		const dispatch: Dispatcher["dispatch"] = (options, handler) => {
			const { onRequestStart, onResponseStart } = handler;
			handler.onRequestStart = (...given) => {
				this.#begun ||= !this.#abort.signal.aborted;
				onRequestStart?.apply(handler, given);
			};
			handler.onResponseStart = (...given) => {
				if (given[1] < 200 && ++interim > MOST_INTERIM) this.end("invalid_response");
				else onResponseStart?.apply(handler, given);
			};
			return this.#dispatcher.dispatch(options, handler);
		};
		return { dispatch } as Dispatcher;
	}
}

const aborted = (signal: AbortSignal) =>
	new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** An upload is opened when there is a connection to send it over, and closed when that is gone. */
function sendable({ headers, body }: HttpRequest, broke: () => void): Pick<Dispatcher.RequestOptions, "headers" | "body"> {
	if (typeof body !== "object") return { headers, body: body ?? null };
	return { headers: { ...headers, "content-length": String(body.bytes) }, body: Readable.from(opened(body, broke)) };
}
async function* opened(body: Upload, broke: () => void) {
	let left = body.bytes;
	try {
		for await (const chunk of body.chunks()) {
			left -= chunk.length;
			yield chunk;
		}
	} catch (e) {
		if (left > 0) broke(); // all of it may have left
		throw e;
	}
}

function flat(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
	const all = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]);
	return Object.fromEntries(all) as Record<string, string>;
}

/** The first `limit` bytes. The rest is not read: the connection is closed instead. */
async function firstOf(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, limit: number): Promise<{ bytes: Buffer; cut: boolean }> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		size += chunk.length;
		if (size > limit) break; // leaving the loop destroys the stream
	}
	return { bytes: Buffer.concat(chunks).subarray(0, limit), cut: size > limit };
}

/** As text, unpacked where that can be done in time; else as it came, for an answer that is here is one. */
async function readable(
	{ bytes, cut }: { bytes: Buffer; cut: boolean },
	how: string | undefined,
	limit: number,
	over: AbortSignal,
): Promise<{ body: string; truncated: boolean }> {
	const unpacked = how === undefined || bytes.length === 0 ? null : await unpack(bytes, { how, limit, cut, over });
	const text = new TextDecoder().decode(unpacked?.bytes ?? bytes);
	return { body: text.replaceAll("\u0000", "\ufffd"), truncated: unpacked?.more ?? cut };
}
