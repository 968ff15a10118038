import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { JOB, openWorld, type World } from "../../support/world.ts";
import { jobText, post, refusalOf, rowCount } from "./doors.ts";

const PRIVATE = "must not point at a private, loopback or reserved address (the operator can list it in CALLBACK_ALLOW)";
const PRIVATE_NAME = expect.stringMatching(/^must not be a private name: one without a dot, or under \.localhost, /);
const CLOSED = expect.stringMatching(/^must not point at .*CALLBACK_DENY.* cloud metadata \(open where CALLBACK_ALLOW lists it alone\)$/);
const job = (over: Record<string, unknown>) => JSON.stringify({ ...JOB, ...over });
const input = (over: Record<string, unknown>) => job({ input: { ...JOB.input, ...over } });
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** Body, the field that the answer names, and what it says of it. */
const WRONG: [what: string, body: string, field: string, says: RegExp | string][] = [
	["an array", "[]", "body", /expected object/],
	["null", "null", "body", /expected object/],
	["an unknown provider", job({ provider: "acme" }), "provider", /expected "deapi"/],
	["no provider", job({ provider: undefined }), "provider", /expected "deapi"/],
	["an unknown type", job({ type: "img2cake" }), "type", /Expected 'txt2img'/],
	["no type", job({ type: undefined }), "type", /Expected 'txt2img'/],
	["an unknown field", job({ priority: 1 }), "priority", "is not a field of this request"],
	["an unknown field of the input", input({ n: 1 }), "input.n", "is not a field of this request"],
	["no model", job({ model: undefined }), "model", /expected string/],
	["an empty model", job({ model: "" }), "model", />=1/],
	["a model that is a number", job({ model: 5 }), "model", /expected string/],
	["no input", job({ input: undefined }), "input", /expected object/],
	["a width that is text", input({ width: "512" }), "input.width", /expected number/],
	["an empty prompt", input({ prompt: "" }), "input.prompt", />=1/],
	["half a seed", input({ seed: 1.5 }), "input.seed", /expected int/],
	["a seed that loses digits", input({ seed: 0 }).replace('"seed":0', '"seed":9007199254740993'), "input.seed", /9007199254740991/],
	["NUL in a prompt", input({ prompt: "a\u0000b" }), "input.prompt", /U\+0000/],
	["half a letter in a prompt", input({ prompt: "a\ud83d" }), "input.prompt", /lone surrogates/],
	["half a letter in a model", job({ model: "\udc00" }), "model", /lone surrogates/],
	["large metadata", job({ metadata: { a: "x".repeat(16_384) } }), "metadata", "must have at most 16384 characters as JSON"],
	["metadata that is a list", job({ metadata: [] }), "metadata", /expected record/],
	["metadata that would be a prototype", jobText('"metadata":{"__proto__":{"admin":true}}'), "metadata", /__proto__/],
	["metadata that hides one", jobText('"metadata":{"a":[{"__proto__":1}]}'), "metadata.a.0", /__proto__/],
	["metadata whose number loses digits", jobText('"metadata":{"id":12345678901234567890}'), "metadata.id", /send a larger number as text/],
	["metadata whose number has no end", jobText('"metadata":{"id":1e400}'), "metadata.id", /send a larger number as text/],
	["metadata named with NUL", job({ metadata: { "a\u0000": 1 } }), "metadata", /U\+0000/],
	["a field __proto__", jobText('"__proto__":{"admin":true}'), "body", /__proto__/],
	[
		"metadata 10,000 deep",
		jobText(`"metadata":{"a":${nested(10_000)}}`),
		`metadata.a${".0".repeat(31)}`,
		"must not be nested more than 32 deep",
	],
	["nothing but 10,000 brackets", nested(10_000), `0${".0".repeat(32)}`, "must not be nested more than 32 deep"],
	["a secret of 31 characters", job({ webhook_secret: "x".repeat(31) }), "webhook_secret", />=32/],
	["a secret of 256 characters", job({ webhook_secret: "x".repeat(256) }), "webhook_secret", /<=255/],
	["a secret without a URL", job({ webhook_url: undefined, webhook_secret: "x".repeat(32) }), "webhook_secret", "needs a webhook_url"],
	["event types without a URL", job({ webhook_url: undefined, webhook_events: ["job.failed"] }), "webhook_events", "needs a webhook_url"],
	["no event types", job({ webhook_events: [] }), "webhook_events", />=1/],
	["an unknown event type", job({ webhook_events: ["job.done"] }), "webhook_events.0", /"job.completed"/],
	["a URL over http", job({ webhook_url: "http://example.com/" }), "webhook_url", /^must be https/],
	["a private URL", job({ webhook_url: "https://10.0.0.1/" }), "webhook_url", PRIVATE],
	["a loopback URL", job({ webhook_url: "https://localhost/" }), "webhook_url", PRIVATE_NAME],
	["the metadata service's URL", job({ webhook_url: "https://169.254.169.254/" }), "webhook_url", CLOSED],
	["a URL with credentials", job({ webhook_url: "https://a:b@example.com/" }), "webhook_url", "must not carry a user name or password"],
	[
		"a URL of 2,049 characters",
		job({ webhook_url: `https://example.com/${"a".repeat(2029)}` }),
		"webhook_url",
		"must have at most 2048 characters",
	],
	["an ftp URL", job({ webhook_url: "ftp://example.com/" }), "webhook_url", "must be an https URL"],
	["a relative URL", job({ webhook_url: "/hooks" }), "webhook_url", /^must be an absolute URL/],
	["a URL that is null", job({ webhook_url: null }), "webhook_url", /expected string/],
];

export function submits(open: () => Promise<Db>): void {
	describe("a submit that is wrong", () => {
		let world: World;
		let before: number;
		beforeAll(async () => {
			world = await openWorld(await open(), { env: { SUBMIT_MAX_BYTES: "40000" } });
			before = await rowCount(world.deps.db);
		});
		afterAll(() => world.close());
		afterEach(async () => {
			expect(await rowCount(world.deps.db), "something was written").toBe(before);
		});

		it.each(WRONG)("with %s is refused by the name of its field", async (_, body, field, says) => {
			const response = await post(world, "/v1/jobs", body);
			const { code, details } = await refusalOf(response);
			expect([response.status, code]).toEqual([422, "validation_failed"]);
			expect(details).toEqual([{ field, message: says instanceof RegExp ? expect.stringMatching(says) : says }]);
		});

		it("in several fields names them all, at most twenty", async () => {
			const several = await refusalOf(await post(world, "/v1/jobs", job({ model: 1, input: { width: 0 }, webhook_events: [] })));
			expect(several.details?.map(({ field }) => field)).toEqual([
				...["model", "input.prompt", "input.width", "input.height"],
				"webhook_events",
			]);
			for (const name of ["model", "input.width"]) expect(several.message).toContain(`${name}: `);
			const flood = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, "\u0000"]));
			expect((await refusalOf(await post(world, "/v1/jobs", job(flood)))).details).toHaveLength(20);
			const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, 1]));
			expect((await refusalOf(await post(world, "/v1/jobs", job(unknown)))).details).toHaveLength(20);
		});

		it.each(["", "{", '{"provider":"deapi",}', "provider=deapi", "\u0000", `${JSON.stringify(JOB)}x`])(
			"as %j is not JSON",
			async (body) => {
				const response = await post(world, "/v1/jobs", body);
				expect([response.status, (await refusalOf(response)).code]).toEqual([400, "invalid_request"]);
			},
		);

		it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "*/*"])(
			"as Content-Type %j is not taken",
			async (type) => {
				const response = await post(world, "/v1/jobs", JSON.stringify(JOB), { "content-type": type });
				expect([response.status, (await refusalOf(response)).code]).toEqual([415, "unsupported_media_type"]);
			},
		);

		it("by its size is cut off at the limit, whether it tells its length or not", async () => {
			const body = input({ prompt: "x".repeat(40_000) });
			for (const headers of [{}, { "content-length": String(body.length) }]) {
				const response = await post(world, "/v1/jobs", body, headers as Record<string, string>);
				expect([response.status, (await refusalOf(response)).code]).toEqual([413, "payload_too_large"]);
			}
		});

		it.each(["x".repeat(256), "two words", "tab\tbed", "käse", ""])("by its Idempotency-Key %.20j is refused by that name", async (key) => {
			const response = await post(world, "/v1/jobs", JSON.stringify(JOB), { "idempotency-key": key });
			const { code, details } = await refusalOf(response);
			expect([response.status, code, details?.[0]?.field]).toEqual([422, "validation_failed", "idempotency-key"]);
		});
	});

	describe("a submit that is right", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("is answered 202 with the job as it stands, and reads the same afterwards", async () => {
			const metadata = { order: 7, tags: ["ä", "🧀"], nested: { n: -1.5e-7, big: "12345678901234567890" } };
			const loras = [{ name: "style", weight: 0.8 }];
			const wish = {
				...JOB,
				metadata,
				input: { ...JOB.input, seed: -1, loras },
				webhook_events: ["job.failed"],
				webhook_secret: "s".repeat(32),
			};
			const response = await post(world, "/v1/jobs", JSON.stringify(wish), { "content-type": "Application/JSON; charset=utf-8" });
			expect([response.status, response.headers.get("idempotent-replayed")]).toEqual([202, null]);
			const taken = (await response.json()) as { id: string };
			const { webhook_secret: _, ...visible } = wish;
			const expected = { ...visible, state: "queued", revision: 0, result_url: null, error: null, started_at: null, ended_at: null };
			expect(taken).toEqual({ ...expected, id: taken.id, created_at: "2026-01-15T10:30:45.000Z" });
			expect(await world.job(taken.id)).toEqual(taken);
			expect(await world.job(taken.id.replace(/^job_(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-").toUpperCase())).toEqual(taken);
		});

		it("needs no callback, and takes the largest of everything", async () => {
			const largest = [
				{ model: "m".repeat(255), input: { ...JOB.input, prompt: "p".repeat(65_536) } },
				{ webhook_url: undefined },
				{ metadata: {} },
				{ metadata: { a: "x".repeat(16_384 - 8) } },
				{ webhook_secret: "x".repeat(255) },
				{ webhook_url: `https://example.com/${"a".repeat(2028)}` },
			];
			for (const [i, over] of largest.entries())
				expect((await world.submit(over, { "idempotency-key": String(i).padEnd(255, "~") })).status, String(i)).toBe(202);
		});
	});

	describe("a submit to a provider without a key", () => {
		it("is refused and says what the operator does about it", async () => {
			const world = await openWorld(await open(), { env: { DEAPI_API_KEY: "" } });
			const before = await rowCount(world.deps.db);
			const response = await world.submit();
			const { code, message } = await refusalOf(response);
			expect([response.status, code]).toEqual([422, "provider_not_configured"]);
			expect(message).toContain("DEAPI_API_KEY");
			expect(await rowCount(world.deps.db)).toBe(before);
			await world.close();
		});
	});
}
