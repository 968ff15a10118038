import { createRoute, z } from "@hono/zod-openapi";
import { createKey, listKeys, revokeKey, SCOPES } from "../access/keys.ts";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { App } from "./context.ts";
import { listed, listOf, pageOf, pageParams } from "./list.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const KEY_NAME_MAX = 100;

const KeyCreate = z
	.strictObject({
		name: z.string().min(1).max(KEY_NAME_MAX).openapi({ description: "What you will know it by", example: "backend" }),
		scopes: z.array(z.enum(SCOPES)).min(1).openapi({ description: "`admin` may do everything, and whoever submits may read" }),
	})
	.openapi("CreateKey");
const KeyBody = z
	.object({
		id: z.string(),
		name: z.string(),
		scopes: z.array(z.enum(SCOPES)),
		account: z.string().nullable().openapi({ description: "Of an imported provider key: its jobs are sent with that account" }),
		created_at: z.iso.datetime(),
		revoked_at: z.iso.datetime().nullable(),
	})
	.openapi("Key");
const KeyCreated = KeyBody.extend({ key: z.string().openapi({ description: "Shown once" }) }).openapi("CreatedKey");

const listRoute = createRoute({
	method: "get",
	path: "/v1/keys",
	security,
	request: { query: z.object(pageParams("key")) },
	responses: {
		200: json(listOf(KeyBody, "KeyList"), "All keys of this app, newest first, revoked ones too"),
		401: failure("No key"),
		422: failure("A cursor or limit that is none"),
	},
});
const createKeyRoute = createRoute({
	method: "post",
	path: "/v1/keys",
	security,
	request: { body: { required: true, content: { "application/json": { schema: KeyCreate } } } },
	responses: {
		201: json(KeyCreated, "The key"),
		400: failure("Not JSON"),
		401: failure("No key"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});
const revokeRoute = createRoute({
	method: "delete",
	path: "/v1/keys/{id}",
	security,
	request: { params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }) },
	responses: {
		200: json(KeyBody, "It opens nothing any more; its jobs go on"),
		401: failure("No key"),
		404: failure("No such key of this app"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

/** An app's admins look after its keys. */
export function mountKeys(app: App, deps: Deps): void {
	app.openapi(listRoute, async (c) => {
		const page = pageOf("key", c.req.valid("query"));
		return c.json(listed(await listKeys(deps, c.var.caller.appId, page), page), 200);
	});
	app.openapi(createKeyRoute, async (c) => {
		const { name, scopes } = c.req.valid("json");
		const key = await createKey(deps, c.var.caller.appId, { name, scopes: [...new Set(scopes)] });
		deps.log.info({ app: c.var.caller.appId, by: c.var.caller.keyId, made: key.id, scopes: key.scopes }, "key.created");
		c.header("Cache-Control", "no-store");
		return c.json(key, 201);
	});
	app.openapi(revokeRoute, async (c) => {
		const id = parseId("key", c.req.valid("param").id);
		const key = id === null ? null : await revokeKey(deps, c.var.caller.appId, id);
		if (key === null) throw new JobhookError("not_found", "this app has no key of that id");
		deps.log.info({ app: c.var.caller.appId, by: c.var.caller.keyId, revoked: key.id }, "key.revoked");
		return c.json(key, 200);
	});
}
