import { scopeOf } from "./auth.ts";
import type { App } from "./context.ts";

const error = (description: string) => ({
	description,
	content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
});

/** Serves the OpenAPI document, with what every route of an app shares: its scope, and the limits of its key. */
export function document(app: App): App {
	app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
	app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "X-API-KEY" });
	const render = () => {
		const rendered = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "jobhook", version: "0.1.0" } });
		for (const [path, methods] of Object.entries(rendered.paths ?? {})) {
			if (!path.startsWith("/v1/")) continue;
			for (const [method, operation] of Object.entries(methods as Record<string, { responses: Record<string, unknown> }>)) {
				const scope = scopeOf(method.toUpperCase(), path);
				operation.responses["403"] ??= error(`The key has no scope \`${scope}\``);
				operation.responses["429"] ??= error("Too many requests of this key in this minute; again after `Retry-After`");
				Object.assign(operation, { "x-scope": scope });
			}
		}
		return rendered;
	};
	let rendered: ReturnType<typeof render> | undefined;
	app.get("/openapi.json", (c) => {
		rendered ??= render();
		return c.json(rendered);
	});
	return app;
}
