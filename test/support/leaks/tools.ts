import { expect } from "vitest";
import { jobhook } from "../cli.ts";
import type { Place, Vault } from "./vault.ts";

/** Nothing of what runs here, and in which version. */
const SAID_IN_HEADERS =
	/^(cache-control|connection|content-(type|length)|date|keep-alive|location|referrer-policy|retry-after|transfer-encoding|www-authenticate|x-request-id|idempotent-replayed|accept-ranges|etag|content-disposition|content-security-policy|x-content-type-options)$/;
export type Json = Record<string, unknown>;
interface CommandWish {
	shown?: string;
	name?: string;
	input?: string;
	more?: Record<string, string>;
}
export interface AskWish {
	key?: string;
	body?: unknown;
	headers?: Record<string, string>;
	shown?: string;
	name?: string;
}

interface Surroundings {
	vault: Vault;
	keep(where: Place, what: string, text: string): void;
	/** Of the service, and the key that is used unless another one is named. */
	url: string;
	key: string;
	env(): Record<string, string>;
}

/** Commands and requests of which all that is said is kept, to be searched. */
export function toolsOf({ vault, keep, url, key, env }: Surroundings) {
	/** A command; `shown`: the field of its answer that is a new secret, which becomes known here and is not searched for in it. */
	async function command(args: string[], { shown, name = "", input = "", more = {} as Record<string, string> } = {} as CommandWish) {
		const ran = await jobhook(shown ? [...args, "--json"] : args, { env: { ...env(), ...more }, input });
		const what = vault.mask(args.join(" "));
		keep("stderr", what, ran.err);
		if (shown === undefined) {
			keep("stdout", what, ran.out);
			return "";
		}
		const { [shown]: secret, ...rest } = JSON.parse(ran.out) as Json;
		keep("stdout", what, JSON.stringify(rest));
		return vault.add(name, String(secret));
	}
	async function ask(method: string, path: string, { key: used = key, body, headers = {}, shown, name = "" }: AskWish = {}) {
		const init: RequestInit = { method, redirect: "manual", headers: { authorization: `Bearer ${used}`, ...headers } };
		if (body !== undefined) {
			init.body = typeof body === "string" || body instanceof FormData ? body : JSON.stringify(body);
			if (!(body instanceof FormData)) init.headers = { "content-type": "application/json", ...init.headers };
		}
		const response = await fetch(url + path, init);
		const text = await response.text();
		const named = [...response.headers.keys()].filter((header) => !SAID_IN_HEADERS.test(header));
		expect([named, response.headers.get("cache-control")], path).toEqual([[], expect.stringMatching(/^(no-store|private, max-age=60)$/)]);
		expect(text).not.toMatch(/\n +at |node_modules|\.[jt]s:\d/); // no stack
		const json = (text.startsWith("{") ? JSON.parse(text) : {}) as Json;
		const rest = shown === undefined ? text : JSON.stringify({ ...json, [shown]: undefined });
		keep("answer", `${method} ${vault.mask(path)}`, `${rest}\n${JSON.stringify([...response.headers])}`);
		if (shown !== undefined) vault.add(name, String(json[shown]));
		return { status: response.status, json, id: String(json["id"]), secret: String(json[shown ?? ""]), headers: response.headers };
	}
	return { command, ask };
}
