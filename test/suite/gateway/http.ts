import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, openWorld, submitted, type World } from "../../support/world.ts";
import { apps } from "./apps.ts";
import { breakable, jobText, post, refusalOf, rowCount } from "./doors.ts";
import { access } from "./http-access.ts";
import { document } from "./http-document.ts";
import { endpoints } from "./http-endpoints.ts";
import { idempotency } from "./http-idempotency.ts";
import { results } from "./http-results.ts";
import { secrets } from "./http-secrets.ts";
import { submits } from "./http-submit.ts";
import { keys } from "./keys.ts";
import { limits } from "./limits.ts";
import { scopes } from "./scopes.ts";

/** The HTTP surface: what is taken, what is refused and how, and what is never told. */
export function http(open: () => Promise<Db>): void {
	access(open);
	scopes(open);
	keys(open);
	apps(open);
	limits(open);
	submits(open);
	idempotency(open);
	endpoints(open);
	results(open);
	document(open);
	secrets(open);

	describe("an answer that is a refusal", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each([
			["GET", "/", 404],
			["GET", "/nowhere", 404],
			["GET", "/v1/nowhere", 404],
			["DELETE", "/v1/jobs", 404],
			["PATCH", "/v1/jobs/job_019bc1112222733384445555666677ff", 404],
			["POST", "/healthz", 404],
			["GET", "/hooks/deapi", 404],
			["GET", "/v1/jobs/job_019bc1112222733384445555666677ff", 404],
			["GET", "/v1/jobs/019bc111-2222-7333-8444-5555666677ff/timeline", 404],
			["GET", "/v1/jobs/%00", 404],
			["GET", "/v1/jobs/%E0%A4%A", 404],
			["GET", "/v1/endpoints/ep_019bc1112222733384445555666677ff", 404],
			["GET", "/results/job_019bc1112222733384445555666677ff", 404],
			["POST", "/v1/jobs", 415],
		])("to %s %s has one shape, a code and the request's id", async (method, path, status) => {
			const response = await world.request(path, { method });
			expect(response.status).toBe(status);
			expect(await refusalOf(response)).toMatchObject({ code: status === 404 ? "not_found" : "unsupported_media_type" });
		});

		it("of our own fault says nothing of it, and the request's id finds it in the log", async () => {
			world.deps.db.read = () => Promise.reject(new Error("secret detail"));
			const response = await world.request("/v1/jobs/job_019bc1112222733384445555666677ff");
			expect(response.status).toBe(500);
			const { code, message, request_id } = await refusalOf(response);
			expect(code).toBe("internal");
			expect(message).not.toContain("secret detail");
			expect(world.lines).toContainEqual(
				expect.objectContaining({ what: "request.broke", fields: expect.objectContaining({ request: request_id }) }),
			);
		});
	});

	describe("a database that does not answer", () => {
		let world: World;
		let db: ReturnType<typeof breakable>;
		beforeEach(async () => {
			db = breakable(await open());
			world = await openWorld(db);
		});
		afterEach(() => world.close());

		it.each(["writes", "all"] as const)("(%s) makes a submit 503 with Retry-After, and nothing is accepted", async (what) => {
			const before = await rowCount(db);
			db.broken = what;
			const response = await post(world, "/v1/jobs", jobText(), { "idempotency-key": "once" });
			expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
			expect(await refusalOf(response)).toMatchObject({ code: "unavailable" });
			db.broken = "no";
			expect(await rowCount(db)).toBe(before);
			await world.run();
			expect(await world.calls("txt2img")).toHaveLength(0);
			expect((await post(world, "/v1/jobs", jobText(), { "idempotency-key": "once" })).status).toBe(202);
		});

		it("makes every other route 503, too, and /readyz, while /healthz still answers", async () => {
			const job = await submitted(world);
			db.broken = "all";
			const answers = ["/readyz", `/v1/jobs/${job}`, `/v1/jobs/${job}/timeline`].map((path) => world.request(path));
			answers.push(post(world, "/v1/endpoints", JSON.stringify({ url: "https://example.com/" })));
			for (const response of await Promise.all(answers)) {
				expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
				expect(await refusalOf(response)).toMatchObject({ code: "unavailable" });
			}
			expect((await world.app.request(`${GATEWAY}/healthz`)).status).toBe(200);
			db.broken = "no";
			expect((await world.app.request(`${GATEWAY}/readyz`)).status).toBe(200);
		});
	});
}
