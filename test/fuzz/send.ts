import { resultLink } from "../../src/core/result-link.ts";
import { sendWaitersHome } from "../../src/jobs/wait.ts";
import { GATEWAY } from "../support/world.ts";
import { bytesOfForm, typeOfForm } from "./forms.ts";
import { spoilt } from "./hostile.ts";
import type { Body, RequestWish, Word } from "./requests.ts";
import type { Caller, Stage } from "./stage.ts";
import { type IdWish, written } from "./tree.ts";

/** A request as it left. */
export interface Sent {
	method: string;
	url: string;
	headers: [name: string, value: string][];
	body: Uint8Array<ArrayBuffer> | null;
	caller: Caller;
	/** Ids of other apps' rows that it names, as they are kept; `inPath`: those that its path names. */
	foreign: { id: string; wish: IdWish }[];
	inPath: string[];
}
export interface Answer {
	status: number;
	headers: Headers;
	text: string;
}
/** What must not be. Its message begins with the rule that was broken. */
export class Finding extends Error {}

export const count = (met: Map<string, number>, what: string) => void met.set(what, (met.get(what) ?? 0) + 1);

const HANG_MS = 10_000;
const LINK_S = 3600;

/** `swap`: ids of nobody stand in place of other apps'. */
export function filled(stage: Stage, wish: RequestWish, swap = false): Sent {
	const caller = stage.caller(wish.caller);
	const sent: Sent = { method: wish.method, url: "", headers: [], body: null, caller, foreign: [], inPath: [] };
	const idOf = (id: IdWish): string => {
		const { text, id: known } = swap && id.whose === "another's" ? stage.nobodys(id) : stage.idOf(id, caller.appId);
		if (known !== null && id.whose === "another's") sent.foreign.push({ id: known, wish: id });
		return text;
	};
	const inPath = Object.fromEntries(Object.entries(wish.params).map(([name, word]) => [name, wordOf(stage, word, idOf, "")]));
	sent.inPath = sent.foreign.map(({ id }) => id);
	const about = inPath["id"] ?? "";
	const query = wish.query.map(([name, word]) =>
		[name, wordOf(stage, word, idOf, about)].map((one) => encodeURIComponent(one.toWellFormed())).join("="),
	);
	const path = wish.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent((inPath[name] ?? "").toWellFormed()));
	sent.url = `${GATEWAY}${path}${query.length > 0 ? `?${query.join("&")}` : ""}`;
	const before = sent.foreign.length;
	sent.body = wish.body === null || wish.method === "GET" || wish.method === "HEAD" ? null : bytesOf(wish.body, idOf);
	for (const { id } of sent.foreign.slice(before)) stage.told.add(`${caller.appId} ${id.slice(id.indexOf("_") + 1)}`);
	sent.headers = headersOf(wish, caller, sent.body !== null);
	return sent;
}

function wordOf(stage: Stage, word: Word, idOf: (wish: IdWish) => string, about: string): string {
	if ("text" in word) return word.text;
	if ("id" in word) return idOf(word.id);
	if ("cursor" in word) return Buffer.from(spoilt(Buffer.from(idOf(word.cursor)), word.spoil)).toString("base64url");
	const job = word.of.spelling === "as it is" ? about : idOf(word.of);
	const link = new URL(resultLink(stage.world.deps.secrets, GATEWAY, job.toWellFormed(), stage.world.now() + LINK_S * 1000));
	const text = link.searchParams.get(word.link) ?? "";
	return Buffer.from(spoilt(Buffer.from(text), word.spoil)).toString("latin1");
}

function bytesOf(body: Body, idOf: (wish: IdWish) => string): Uint8Array<ArrayBuffer> {
	if ("form" in body) return bytesOfForm(body.form, idOf);
	if ("bytes" in body) return new Uint8Array(body.bytes);
	return spoilt(Buffer.from(written(body.tree, idOf)), body.spoil);
}

function headersOf(wish: RequestWish, { key, name }: Caller, hasBody: boolean): Sent["headers"] {
	const headers = [...wish.headers];
	const type = wish.contentType ?? (wish.body !== null && "form" in wish.body ? typeOfForm(wish.body.form) : "application/json");
	if (hasBody) headers.push(["content-type", type]);
	if (key !== null) headers.push(name.endsWith("submit") ? ["x-api-key", key] : ["authorization", `Bearer ${key}`]);
	return headers;
}

/** Null: no client can send this, for a header cannot carry it. */
export async function ask(stage: Stage, { method, url, headers, body }: Sent): Promise<Answer | null> {
	const request = requestOf();
	if (request === null) return null;
	let done = false;
	const answered = (async () => {
		const response = await stage.world.app.request(request);
		return { status: response.status, headers: response.headers, text: Buffer.from(await response.arrayBuffer()).toString() };
	})().finally(() => {
		done = true;
	});
	answered.catch(() => {}); // it is waited for below
	const began = performance.now();
	for (let turns = 0; !done; turns++) {
		await stage.turn();
		if (turns > 5) sendWaitersHome(); // the world's clock stands still: `?wait=` would be for ever
		if (performance.now() - began > HANG_MS) throw new Finding(`no answer within ${HANG_MS} ms`);
	}
	return answered.catch((e: unknown) => {
		throw new Finding(`an exception reached the client: ${e instanceof Error ? e.stack : String(e)}`);
	});

	function requestOf(): Request | null {
		try {
			const fields = new Headers();
			for (const [name, value] of headers) fields.append(name, value);
			return new Request(url, { method, headers: fields, ...(body !== null && { body }) });
		} catch {
			return null;
		}
	}
}

const SHOWN = 1500;
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** As a line that can be read, and often be run; keys by their names. */
export function asCurl({ method, url, headers, body, caller }: Sent): string {
	const fields = headers.map(
		([name, value]) => `-H ${quoted(`${name}: ${value}`.replaceAll(caller.key ?? "\u0000", `<key of ${caller.name}>`))}`,
	);
	return [
		"curl",
		`-X ${method}`,
		quoted(url.length > SHOWN ? `${url.slice(0, SHOWN)}…` : url),
		...fields,
		...(body === null ? [] : [dataOf(body)]),
	].join(" ");
}

function dataOf(body: Uint8Array): string {
	const text = Buffer.from(body).toString();
	const more = body.length > SHOWN ? `  # ${body.length} bytes in all` : "";
	const printable = !/(?![\n\r\t])[\p{Cc}\ufffd]/u.test(text);
	if (printable) return `--data-binary ${quoted(more === "" ? text : text.slice(0, SHOWN))}${more}`;
	return `--data-binary @<(base64 -d <<< ${Buffer.from(body.subarray(0, SHOWN)).toString("base64")})${more}`;
}
