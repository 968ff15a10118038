import { createRoute, z } from "@hono/zod-openapi";
import { APP_NAME, createApp, listApps, rotateCallbackSecret } from "../access/apps.ts";
import { parseId } from "../core/ids.ts";
import { MOST_ACTIVE } from "../core/rotation.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { listed, listOf, pageOf, pageParams } from "./list.ts";
import { isOperator, operatorOnly } from "./operator.ts";
import { overlap, overlapMs, previousSecrets } from "./schemas/rotation.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];

const AppCreate = z
	.strictObject({ name: z.string().regex(APP_NAME, "must be 1 to 64 letters, digits, dots, - and _, the first a letter or digit") })
	.openapi("CreateApp");
const AppBody = z.object({ id: z.string(), name: z.string(), created_at: z.iso.datetime() }).openapi("App");
const secret = z.string().openapi({ description: "Signs its callbacks; shown once" });
const AppCreated = AppBody.extend({ callback_secret: secret }).openapi("CreatedApp");
const Rotate = z.strictObject({ overlap_h: overlap }).openapi("RotateApp");
const Rotated = z.object({ id: z.string(), callback_secret: secret, previous_secrets: previousSecrets }).openapi("RotatedApp");

const listRoute = createRoute({
	method: "get",
	path: "/v1/apps",
	security,
	request: { query: z.object(pageParams("app")) },
	description: "For admins of the app `default` only: they operate this service",
	responses: {
		200: json(listOf(AppBody, "AppList"), "All apps, newest first"),
		401: failure("No key"),
		422: failure("A cursor or limit that is none"),
	},
});
const createAppRoute = createRoute({
	method: "post",
	path: "/v1/apps",
	security,
	description: "For admins of the app `default` only: they operate this service",
	request: { body: { required: true, content: { "application/json": { schema: AppCreate } } } },
	responses: {
		201: json(AppCreated, "The app, with its callback secret"),
		400: failure("Not JSON"),
		401: failure("No key"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});
const rotateRoute = createRoute({
	method: "post",
	path: "/v1/apps/{id}/rotate",
	security,
	description: "For admins of that app, and for those of the app `default`",
	request: {
		params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }),
		body: { required: false, content: { "application/json": { schema: Rotate } } },
	},
	responses: {
		200: json(Rotated, "The new callback secret, and until when those before it sign beside it"),
		400: failure("Not JSON"),
		401: failure("No key"),
		404: failure("No such app, or not this key's"),
		409: failure(
			`JOBHOOK_CALLBACK_SECRET holds this app's secret; or ${MOST_ACTIVE} sign already, and \`overlap_h\` 0 ends the older ones`,
		),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

/** Tenants are the operator's: an admin of the app `default`. Each app's own admins may rotate its callback secret. */
export function mountApps(app: App, deps: Deps): void {
	app.use("/v1/apps", operatorOnly(deps, "sees and makes apps"));
	app.openapi(listRoute, async (c) => {
		const page = pageOf("app", c.req.valid("query"));
		return c.json(listed(await listApps(deps, page), page), 200);
	});
	app.openapi(createAppRoute, async (c) => {
		const { name } = c.req.valid("json");
		const made = await createApp(deps, name);
		if (made === null) throw validationFailed([{ field: "name", message: "is the name of an app already" }]);
		deps.log.info({ app: made.id, by: c.var.caller.keyId, name }, "app.created");
		c.header("Cache-Control", "no-store");
		return c.json(made, 201);
	});
	app.openapi(rotateRoute, async (c) => {
		const { appId } = c.var.caller;
		const id = parseId("app", c.req.valid("param").id);
		const mayRotate = id !== null && (id === appId || (await isOperator(deps, appId)));
		const overlapH = c.req.valid("json").overlap_h;
		const rotated = mayRotate ? await rotateCallbackSecret(deps, id, overlapMs(overlapH)) : null;
		if (id === null || rotated === null) throw new JobhookError("not_found", "there is no app of that id, or it is not this key's");
		c.header("Cache-Control", "no-store");
		return c.json({ id, ...rotated }, 200);
	});
}
