import { Readable } from "node:stream";
import { type Agent, type Dispatcher, request as undiciRequest } from "undici";
import type { HttpAnswer, HttpFailure, HttpRequest, Upload } from "../../core/http.ts";
import { handOver, Thrown } from "../../core/take.ts";
import { NotConnected } from "./connector.ts";

/** One request and its answer. */
export class Exchange {
	readonly #request: HttpRequest;
	readonly #dispatcher: Agent;
	readonly #abort = new AbortController();
	#ended: HttpFailure | null = null;

	constructor(request: HttpRequest, dispatcher: Agent) {
		this.#request = request;
		this.#dispatcher = dispatcher;
	}

	end(reason: HttpFailure): void {
		this.#ended ??= reason;
		this.#abort.abort();
	}

	async answer(): Promise<HttpAnswer> {
		const deadline = setTimeout(() => this.end("timeout"), this.#request.deadlineMs);
		try {
			return await this.#exchange();
		} catch (e) {
			if (e instanceof Thrown) throw e.error;
			if (e instanceof NotConnected) return { kind: "failed", reason: e.reason, before: true };
			if (this.#ended === "body_broken") return { kind: "failed", reason: "body_broken", before: true };
			return { kind: "failed", reason: this.#ended ?? "connection_lost", before: false };
		} finally {
			clearTimeout(deadline);
		}
	}

	async #exchange(): Promise<HttpAnswer> {
		const { url, method, keepBytes, take } = this.#request;
		const answer = await undiciRequest(url, {
			dispatcher: this.#dispatcher,
			method,
			...sendable(this.#request, () => this.end("body_broken")),
			signal: this.#abort.signal,
			headersTimeout: 0,
			bodyTimeout: 0,
		});
		const head = { status: answer.statusCode, headers: flat(answer.headers) };
		if (take === undefined || head.status > 299) {
			const { text, truncated } = await readUpTo(answer.body, keepBytes);
			return { kind: "response", ...head, body: text, truncated };
		}
		try {
			await handOver(take, head, answer.body, this.#abort.signal);
		} finally {
			answer.body.on("error", () => {}).destroy(); // one that was not read to its end closes its connection
		}
		return { kind: "response", ...head, body: "", truncated: false };
	}
}

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

/** The first bytes as text. The rest is not read: the connection is closed instead. */
async function readUpTo(
	body: AsyncIterable<Uint8Array> & { destroy(): unknown },
	limit: number,
): Promise<{ text: string; truncated: boolean }> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		size += chunk.length;
		if (size > limit) break; // leaving the loop destroys the stream
	}
	const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, limit));
	return { text: text.replaceAll("\u0000", "\ufffd"), truncated: size > limit };
}
