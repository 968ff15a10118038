import { createMiddleware } from "hono/factory";
import { DEFAULT_APP, findApp } from "../access/apps.ts";
import { appOfKey } from "../access/keys.ts";
import { sha256Hex } from "../core/hash.ts";
import { sameText } from "../core/signature.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { Vars } from "./context.ts";

/** `Authorization: Bearer` or `X-API-KEY`; the app of the key owns everything the request reads or writes. */
export function authenticate(deps: Pick<Deps, "db" | "config">) {
	let ownApp: string | undefined;
	const ownHash = deps.config.apiKey === undefined ? null : sha256Hex(deps.config.apiKey);
	const defaultApp = async () => {
		ownApp ??= (await findApp(deps, DEFAULT_APP))?.id;
		return ownApp ?? null;
	};
	return createMiddleware<Vars>(async (c, next) => {
		const bearer = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
		const key = bearer ?? c.req.header("x-api-key");
		if (!key) throw new JobhookError("unauthorized", "send a key: Authorization: Bearer <key>, or X-API-KEY: <key>");
		const own = ownHash !== null && sameText(sha256Hex(key), ownHash);
		const appId = own ? await defaultApp() : await appOfKey(deps, key);
		if (appId === null) throw new JobhookError("unauthorized", "this key is not known here, or was revoked");
		c.set("appId", appId);
		await next();
	});
}
