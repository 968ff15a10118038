import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, openWorld, type World } from "../../support/world.ts";
import { post, refusalOf, rowCount } from "./doors.ts";
import { changes } from "./endpoints-change.ts";
import { switches } from "./endpoints-switch.ts";

const HOOKS = "https://example.com/hooks";
const ALL = ["job.canceled", "job.completed", "job.failed", "job.processing"];

export function endpoints(open: () => Promise<Db>): void {
	changes(open);
	switches(open);

	describe("an endpoint", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const create = (body: object) => post(world, "/v1/endpoints", JSON.stringify(body));
		type Shown = { id: string; secret?: string; event_types: string[] };

		it("is made with a secret that is shown once, and reads without it", async () => {
			const response = await create({ url: HOOKS });
			expect(response.status).toBe(201);
			const { secret, ...shown } = (await response.json()) as Shown;
			expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
			const at = "2026-01-15T10:30:45.000Z";
			const expected = { url: HOOKS, description: null, event_types: ALL, state: "enabled", reason: null, created_at: at, updated_at: at };
			const rules = { retry_schedule: "standard", timeout_ms: null, max_in_flight: null, rate: null };
			const health = { failing_since: null, failures: 0, paused_until: null, pause_reason: null };
			expect(shown).toEqual({ id: shown.id, ...expected, ...health, ...rules, previous_secrets: [], header_names: [] });
			for (const id of [shown.id, shown.id.replace(/^ep_(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")])
				expect(await (await world.request(`/v1/endpoints/${id}`)).json()).toEqual(shown);
		});

		it("takes a secret of one's own and the event types one asks for, each once", async () => {
			const secret = "my own secret, brought from elsewhere";
			const response = await create({ url: HOOKS, secret, event_types: ["job.failed", "job.completed", "job.failed"] });
			const made = (await response.json()) as Shown;
			expect(made).toMatchObject({ secret, event_types: ["job.completed", "job.failed"] });
			expect(await (await world.request(`/v1/endpoints/${made.id}`)).json()).toMatchObject({
				event_types: ["job.completed", "job.failed"],
			});
		});

		it.each([
			["no URL", {}, "url"],
			["a URL over http", { url: "http://example.com/" }, "url"],
			["a private URL", { url: "https://192.168.1.1/" }, "url"],
			["a URL with credentials", { url: "https://a@example.com/" }, "url"],
			["a URL that is none", { url: "example.com" }, "url"],
			["no event types", { url: HOOKS, event_types: [] }, "event_types"],
			["an unknown event type", { url: HOOKS, event_types: ["*"] }, "event_types.0"],
			["our own host as URL", { url: `${GATEWAY}:8443/hooks` }, "url"],
			["a description that is too long", { url: HOOKS, description: "x".repeat(501) }, "description"],
			["a short secret", { url: HOOKS, secret: "short" }, "secret"],
			["a secret with NUL", { url: HOOKS, secret: `${"x".repeat(40)}\u0000` }, "secret"],
			["an unknown field", { url: HOOKS, events: [] }, "events"],
		])("with %s is refused by the name of the field, and nothing is written", async (_, body, field) => {
			const before = await rowCount(world.deps.db);
			const response = await create(body);
			const { details } = await refusalOf(response);
			expect([response.status, details?.map((detail) => detail.field)]).toEqual([422, [field]]);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("may be plain http at an address that the operator lists", async () => {
			const listing = await openWorld(await open(), { env: { CALLBACK_ALLOW: "10.1.0.0/16" } });
			const at = async (url: string) => (await post(listing, "/v1/endpoints", JSON.stringify({ url }))).status;
			expect(await at("http://10.1.2.3:3000/hooks")).toBe(201);
			expect(await at("http://10.2.0.1/hooks")).toBe(422);
			await listing.close();
		});
	});
}
