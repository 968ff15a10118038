import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, openWorld, type World } from "../../support/world.ts";

interface Operation {
	parameters?: { name: string; in: string; schema: unknown }[];
	security?: Record<string, string[]>[];
	requestBody?: { content: Record<string, { schema: unknown }> };
	responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}
interface Document {
	openapi: string;
	info: { title: string; version: string };
	components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
	paths: Record<string, Record<string, Operation>>;
}

/** Every value under a key of that name, anywhere. */
function everywhere(value: unknown, name: string): unknown[] {
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([key, part]) => [...(key === name ? [part] : []), ...everywhere(part, name)]);
}

const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];
const ROUTES = [
	"GET /healthz",
	"GET /readyz",
	"GET /results/{id}",
	"GET /v1/deliveries",
	"GET /v1/deliveries/{id}",
	"GET /v1/endpoints",
	"GET /v1/endpoints/{id}",
	"GET /v1/endpoints/{id}/recoveries",
	"GET /v1/endpoints/{id}/recoveries/{rec}",
	"GET /v1/events",
	"GET /v1/events/{id}",
	"GET /v1/jobs/{id}",
	"GET /v1/jobs/{id}/timeline",
	"POST /hooks/deapi",
	"POST /hooks/deapi/{token}",
	"DELETE /v1/endpoints/{id}",
	"PATCH /v1/endpoints/{id}",
	"POST /v1/deliveries/{id}/replay",
	"POST /v1/deliveries/{id}/retry",
	"POST /v1/endpoints",
	"POST /v1/endpoints/{id}/disable",
	"POST /v1/endpoints/{id}/enable",
	"POST /v1/endpoints/{id}/recover",
	"POST /v1/endpoints/{id}/recoveries/{rec}/cancel",
	"POST /v1/endpoints/{id}/rotate",
	"POST /v1/endpoints/{id}/test",
	"POST /v1/jobs",
];

export function document(open: () => Promise<Db>): void {
	describe("the OpenAPI document", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		async function read(): Promise<{ document: Document; operations: [name: string, operation: Operation][] }> {
			const response = await world.app.request(`${GATEWAY}/openapi.json`);
			expect(response.status).toBe(200);
			const document = (await response.json()) as Document;
			const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
				Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method.toUpperCase()} ${path}`, operation]),
			);
			return { document, operations };
		}

		it("lists every route of the service, and no other", async () => {
			const { operations } = await read();
			const listed = operations.map(([name]) => name);
			const mounted = world.app.routes.flatMap(({ method, path }) =>
				method === "ALL" || path === "/openapi.json" ? [] : [`${method} ${path.replace(/:(\w+)/g, "{$1}")}`],
			);
			expect(new Set(listed)).toEqual(new Set(mounted));
			expect(ROUTES.filter((route) => !listed.includes(route))).toEqual([]);
		});

		it("is valid as OpenAPI 3.1 asks: references resolve, parameters are declared, every answer is described", async () => {
			const { document, operations } = await read();
			expect(document.openapi).toMatch(/^3\.1\.\d+$/);
			expect(document.info).toEqual({ title: "jobhook", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
			for (const ref of everywhere(document, "$ref")) {
				const place = String(ref).replace(/^#\//, "").split("/");
				expect(
					place.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], document),
					String(ref),
				).toBeDefined();
			}
			expect(everywhere(document, "nullable")).toEqual([]); // a word of 3.0
			for (const schema of everywhere(document, "schema").concat(Object.values(document.components.schemas)))
				for (const type of everywhere({ schema }, "type")
					.flat()
					.filter((type) => typeof type === "string"))
					expect(TYPES).toContain(type);
			for (const [name, operation] of operations) {
				const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, param]) => param);
				const declared = (operation.parameters ?? []).filter((param) => param.in === "path").map((param) => param.name);
				expect(declared, name).toEqual(inPath);
				expect(Object.keys(operation.responses).length, name).toBeGreaterThan(0);
				for (const [status, { description }] of Object.entries(operation.responses)) {
					expect(status, name).toMatch(/^[2-5]\d\d$/);
					expect(description, name).not.toBe("");
				}
			}
		});

		it("asks for a key on every route of an app, by a scheme that it declares, and on no other", async () => {
			const { document, operations } = await read();
			expect(Object.keys(document.components.securitySchemes)).toEqual(["bearer", "apiKey"]);
			for (const [name, { security, responses }] of operations) {
				const asks = name.includes(" /v1/");
				expect(security?.flatMap((scheme) => Object.keys(scheme)) ?? [], name).toEqual(asks ? ["bearer", "apiKey"] : []);
				if (asks) expect(responses, name).toHaveProperty("401");
			}
		});

		it("promises what is answered: every route is there, and its status is one of those listed", async () => {
			const { operations } = await read();
			for (const [name, operation] of operations) {
				const [method, path] = name.split(" ") as [string, string];
				const concrete = path.replace(/\{\w+\}/g, "019bc111-2222-7333-8444-5555666677ff");
				const init = method === "POST" ? { method, headers: { "content-type": "application/json" }, body: "{}" } : { method };
				const response = await world.request(concrete, init);
				expect(Object.keys(operation.responses), name).toContain(String(response.status));
				expect(await response.text(), name).not.toContain("no such route");
			}
		});
	});

	describe("health", () => {
		it("is told without a key, and leaves no line in the log", async () => {
			const world = await openWorld(await open());
			for (const [path, status] of [
				["/healthz", "ok"],
				["/readyz", "ready"],
			] as const) {
				const response = await world.app.request(`${GATEWAY}${path}`);
				expect([response.status, await response.json()]).toEqual([200, { status }]);
			}
			expect(world.lines.filter(({ what }) => what === "request.finished")).toEqual([]);
			await world.close();
		});
	});
}
