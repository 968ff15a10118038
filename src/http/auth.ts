import { createMiddleware } from "hono/factory";
import { findApp } from "../access/apps.ts";
import { type Caller, callerOf, may, type Scope } from "../access/keys.ts";
import { DEFAULT_APP } from "../core/default-app.ts";
import { sha256Hex } from "../core/hash.ts";
import { sameText } from "../core/signature.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { Vars } from "./context.ts";

/** `Authorization: Bearer` or `X-API-KEY`; the app of the key owns everything the request reads or writes. */
export function authenticate(deps: Pick<Deps, "db" | "config">) {
	let operator: Caller | undefined;
	const ownHash = deps.config.apiKey === undefined ? null : sha256Hex(deps.config.apiKey);
	const operatorCaller = async (): Promise<Caller | null> => {
		if (operator !== undefined) return operator;
		const app = await findApp(deps, DEFAULT_APP);
		if (app !== null) operator = { keyId: "operator", appId: app.id, scopes: ["admin"], accountId: null };
		return operator ?? null;
	};
	return createMiddleware<Vars>(async (c, next) => {
		const bearer = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
		const key = bearer ?? c.req.header("x-api-key");
		if (!key) throw new JobhookError("unauthorized", "send a key: Authorization: Bearer <key>, or X-API-KEY: <key>");
		const own = ownHash !== null && sameText(sha256Hex(key), ownHash);
		const caller = own ? await operatorCaller() : await callerOf(deps, key);
		if (caller === null) throw new JobhookError("unauthorized", "this key is not known here, or was revoked");
		c.set("caller", caller);
		await next();
	});
}

/**
 * What a route asks of a key: `read` reads; `submit` submits, uploads and deletes files, and acts on jobs. Keys, apps, counters and whatever is
 * not named here ask for `admin`, so that no new route is open by mistake.
 */
export function scopeOf(method: string, path: string): Scope {
	const [, , room] = path.split("/");
	if (room === "keys" || room === "apps" || room === "counters") return "admin";
	if (method === "GET" || method === "HEAD" || room === "price") return "read";
	const submits = room === "files" || (method === "POST" && room === "jobs");
	return submits ? "submit" : "admin";
}

/** Refuses a key that may not do what the route does. */
export const scoped = createMiddleware<Vars>(async (c, next) => {
	const scope = scopeOf(c.req.method, c.req.path);
	if (!may(c.var.caller, scope)) throw new JobhookError("forbidden", `this key has no scope ${scope}: use one that has, or make one`);
	await next();
});
