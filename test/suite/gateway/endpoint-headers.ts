import { getTableName, sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { endpoints } from "../../../src/db/schema.ts";
import { openWorld, type World } from "../../support/world.ts";
import { answers, attemptsOf, finished, NO_URL } from "./callbacks.ts";
import { call, got, type Listed, type Shown } from "./calls.ts";
import { answersOf, refusalOf, rowCount } from "./doors.ts";

const ONE = { url: "https://example.com/hooks", event_types: ["job.completed"] };
const TOKEN = "Bearer receivers-own-token-0123456789";
const DENIED = [
	...["host", "content-type", "Content-Length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"],
	...["accept-encoding", "Proxy-Authorization", "date", "User-Agent", "webhook-id", "Webhook-Signature", "x-deapi-signature"],
	...[
		"X-DeAPI-Anything",
		"jobhook-attempt",
		"forwarded",
		"X-Forwarded-For",
		"x-real-ip",
		"true-client-ip",
		"via",
		"cdn-loop",
		"CF-Connecting-IP",
	],
];
const named = (count: number, value = "v") => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, value]));

const everyEndpoint = compileSql<unknown, { row: string }>(
	["row"],
	() => sql`SELECT coalesce(headers, 'none') || ' ' || coalesce(old_secrets, 'none') FROM ${sql.identifier(getTableName(endpoints))}`,
);
const setHeaders = compileSql<{ endpoint: string; headers: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE endpoints SET headers = ${p.headers} WHERE id = ${p.endpoint} RETURNING id`,
);

export function endpointHeaders(open: () => Promise<Db>): void {
	describe("header fields of an endpoint", () => {
		let world: World;
		let bodies: string[];
		beforeEach(async () => {
			world = await openWorld(await open());
			bodies = answersOf(world);
		});
		afterEach(() => world.close());

		const create = (headers: unknown) => call(world, "POST", "/v1/endpoints", { ...ONE, headers });
		const change = (id: string, headers: unknown) => call(world, "PATCH", `/v1/endpoints/${id}`, { headers });
		const rows = async () => (await world.deps.db.read(everyEndpoint.bind({}))).map(({ row }) => row);
		const arrived = async () => {
			await finished(world, NO_URL);
			await world.run();
			return world.callbacks.at(-1)!.headers;
		};

		it("arrive with every attempt and with a sample; the endpoint shows their names, never what they hold", async () => {
			const made = await got(create({ "X-Team": "two words", Authorization: TOKEN, "x-empty": "" }));
			expect(made).toMatchObject({ header_names: ["authorization", "x-empty", "x-team"] });
			expect(await got(world.request(`/v1/endpoints/${made.id}`))).toMatchObject({ header_names: ["authorization", "x-empty", "x-team"] });
			answers(world, 500, 200);
			await finished(world, NO_URL);
			await world.pass(60_000);
			await got(call(world, "POST", `/v1/endpoints/${made.id}/test`));
			expect(world.callbacks).toHaveLength(3);
			for (const { headers } of world.callbacks) {
				expect(headers).toMatchObject({ authorization: TOKEN, "x-team": "two words", "x-empty": "" });
				expect(headers).toMatchObject({ "content-type": "application/json", "webhook-id": expect.stringMatching(/^evt_/) });
			}
		});

		it("are replaced all together, from the next attempt on, and removed by {} and by null", async () => {
			const { id } = await got(create({ "x-a": "1", "x-b": "2" }));
			expect(await got(change(id, { "x-c": "3" }))).toMatchObject({ header_names: ["x-c"] });
			expect(await arrived()).toMatchObject({ "x-c": "3" });
			expect(await arrived()).not.toHaveProperty("x-a");
			await got(call(world, "PATCH", `/v1/endpoints/${id}`, { description: "else" }));
			expect(await arrived()).toMatchObject({ "x-c": "3" });
			for (const none of [{}, null]) {
				await got(change(id, { "x-d": "4" }));
				expect(await got(change(id, none))).toMatchObject({ header_names: [] });
				expect(await arrived()).not.toHaveProperty("x-d");
				expect(await rows()).toEqual(["none none"]);
			}
		});

		it("go to their own endpoint alone", async () => {
			await got(create({ "x-mine": "1" }));
			await world.endpoint({ url: "https://other.example.com/" });
			await finished(world);
			await world.run();
			expect(world.callbacks.filter(({ headers }) => "x-mine" in headers).map(({ url }) => url)).toEqual([ONE.url]);
			expect(world.callbacks).toHaveLength(3);
		});

		it("are in no log line, no answer and, in clear text, in no row; a deleted endpoint keeps nothing of them", async () => {
			const { id } = await got(create({ authorization: TOKEN }));
			await call(world, "POST", `/v1/endpoints/${id}/rotate`);
			for (const wrong of [
				{ host: TOKEN },
				{ "x y": TOKEN },
				{ "x-a": `${TOKEN}\n` },
				{ "x-b": [TOKEN] },
				[TOKEN],
				TOKEN,
				{ "x-c": `${TOKEN}é` },
			])
				for (const response of [await create(wrong), await change(id, wrong)]) expect(response.status).toBe(422);
			answers(world, 500, 200);
			await finished(world, NO_URL);
			await world.pass(60_000);
			await got(call(world, "POST", `/v1/endpoints/${id}/test`));
			await got(world.request("/v1/endpoints"));
			const secret = TOKEN.slice("Bearer ".length);
			expect(world.callbacks[0]!.headers["authorization"]).toContain(secret);
			const kept = await rows();
			expect(kept).toEqual([expect.stringMatching(/^v1\.[0-9a-f]{8}\.\S+ \[\{"secret":"v1\./)]);
			for (const place of [JSON.stringify(world.lines), bodies.join("\n"), kept.join("\n")]) expect(place).not.toContain(secret);
			await call(world, "DELETE", `/v1/endpoints/${id}`);
			expect(await rows()).toEqual(["none none"]);
		});

		it.each(DENIED)("may not be named %s: the answer names it and says why", async (name) => {
			const { id } = await got(create({ "x-kept": "1" }));
			const before = await rowCount(world.deps.db);
			for (const response of [await create({ [name]: "x" }), await change(id, { "x-a": "1", [name]: "x" })]) {
				const { details } = await refusalOf(response);
				expect([response.status, details?.map(({ field }) => field)]).toEqual([422, [`headers.${name}`]]);
				expect(details![0]!.message).toMatch(/^(belongs to the request|begins like the headers that jobhook|is for proxies)/);
			}
			expect(await rowCount(world.deps.db)).toBe(before);
			expect(await got(world.request(`/v1/endpoints/${id}`))).toMatchObject({ header_names: ["x-kept"] });
		});

		it.each<[string, unknown, string]>([
			["a name with a blank", { "x a": "1" }, "headers.x a"],
			["a name with a colon", { "x:a": "1" }, "headers.x:a"],
			["an empty name", { "": "1" }, "headers."],
			["a name that is too long", { ["x".repeat(65)]: "1" }, `headers.${"x".repeat(65)}`],
			["a name twice in other letters", { "X-A": "1", "x-a": "2" }, "headers.x-a"],
			["a line break", { "x-a": "1\r\nx-b: 2" }, "headers.x-a"],
			["letters beyond ASCII", { "x-a": "ä" }, "headers.x-a"],
			["a tab", { "x-a": "\t" }, "headers.x-a"],
			["a blank in front", { "x-a": " 1" }, "headers.x-a"],
			["a value that is too long", { "x-a": "v".repeat(4097) }, "headers.x-a"],
			["a number", { "x-a": 1 }, "headers.x-a"],
			["nothing", { "x-a": null }, "headers.x-a"],
			["too many", named(21), "headers"],
			["too much together", named(3, "v".repeat(3000)), "headers"],
			["a list", ["x-a"], "headers"],
			["text", "x-a: 1", "headers"],
		])("with %s are refused by their name, and nothing is written", async (_, headers, field) => {
			const { id } = await got(create({ "x-kept": "1" }));
			const before = await rowCount(world.deps.db);
			for (const response of [await create(headers), await change(id, headers)])
				expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
			expect(await rowCount(world.deps.db)).toBe(before);
			expect(await got(world.request(`/v1/endpoints/${id}`))).toMatchObject({ header_names: ["x-kept"] });
		});

		it("of more than twenty names are refused with how many there may be", async () => {
			const { details } = await refusalOf(await create(named(21)));
			expect(details).toEqual([{ field: "headers", message: "must have at most 20 names" }]);
		});

		it.each<[string, Record<string, string>]>([
			["twenty", named(20)],
			["a value of 4096 characters", { "x-a": "v".repeat(4096) }],
			["a name of 64", { ["x".repeat(64)]: "1" }],
			["every sign that a name may have", { "!#$%&'*+-.^_`|~0Az": "1" }],
			["names that objects have already", { constructor: "1", tostring: "2" }],
		])("may be %s", async (_, headers) => {
			const names = Object.keys(headers).map((name) => name.toLowerCase());
			expect(new Set((await got(create(headers)))["header_names"] as string[])).toEqual(new Set(names));
			const sent = await arrived();
			for (const [name, value] of Object.entries(headers)) expect(sent[name.toLowerCase()], name).toBe(value);
		});

		it("that do not open any more hold the delivery back like a sealed secret; lists show null for their names", async () => {
			const { id } = await got(create({ authorization: TOKEN }));
			const elsewhere = { table: "endpoints", column: "secret", row: id, app: world.appId };
			await world.deps.db.batch([setHeaders.bind({ endpoint: id, headers: world.deps.secrets.seal('{"authorization":"x"}', elsewhere) })]);
			expect(await got<Listed>(world.request("/v1/endpoints"))).toMatchObject({ data: [{ id, header_names: null }] });
			const sample = await call(world, "POST", `/v1/endpoints/${id}/test`);
			expect([sample.status, (await refusalOf(sample)).code]).toEqual([409, "not_possible"]);
			const job = await finished(world, NO_URL);
			await world.run();
			expect(await attemptsOf(world, job)).toMatchObject([{ outcome: "interrupted", reason: "secret_sealed" }]);
			expect(world.callbacks).toEqual([]);
			const lines = world.lines.filter(({ what }) => what === "secret.unreadable");
			expect(lines.map(({ fields }) => [fields["app"], fields["target"], fields["what"]])).toEqual([
				[world.appId, id, "headers"], // of the sample
				[world.appId, id, "headers"],
			]);
			const { header_names: names } = await got<Shown>(change(id, { authorization: TOKEN }));
			expect(names).toEqual(["authorization"]);
			await world.pass(60_000);
			expect(world.callbacks[0]!.headers).toMatchObject({ authorization: TOKEN });
		});
	});
}
