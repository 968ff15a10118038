import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bootstrap } from "../../../src/bootstrap.ts";
import type { Db } from "../../../src/db/db.ts";
import { CALLBACK_SECRET, openWorld, type World } from "../../support/world.ts";
import { finished, NO_URL } from "./callbacks.ts";
import { call, got, type Listed } from "./calls.ts";
import { refusalOf } from "./doors.ts";
import { rotations } from "./rotation-load.ts";
import { signedBy } from "./signed-by.ts";
import { meet } from "./tools.ts";
import { spoilOldSecrets, verifiedBy } from "./verified-by.ts";

const HOUR = 3_600_000;
const HOOKS = "https://example.com/hooks";
const ONE = { url: HOOKS, event_types: ["job.completed"] };
interface Rotated {
	id: string;
	secret: string;
	previous_secrets: { expires_at: string }[];
}

export function rotation(open: () => Promise<Db>): void {
	rotations(open);

	describe("a rotation with an overlap", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const rotate = (id: string, body?: object) => call(world, "POST", `/v1/endpoints/${id}/rotate`, body);
		const rotated = (id: string, body?: object) => got<Rotated>(rotate(id, body));
		const shown = (id: string) => got<Rotated>(world.request(`/v1/endpoints/${id}`));
		const inHours = (hours: number) => ({ expires_at: new Date(world.now() + hours * HOUR).toISOString() });
		/** Sends one, and says which of the secrets verify it, and which one signed deAPI's header. */
		const signers = async (...secrets: string[]) => {
			await finished(world, NO_URL);
			await world.run();
			const callback = world.callbacks.at(-1)!;
			return {
				standard: secrets.map((secret) => verifiedBy(secret, callback)),
				deapi: secrets.findIndex((secret) => signedBy(callback, secret)),
			};
		};

		it("asked for in a body without a content type is refused as such, and changes nothing", async () => {
			const { id } = await world.endpoint(ONE);
			const body = new TextEncoder().encode('{"overlap_h":0}');
			const answer = await world.request(`/v1/endpoints/${id}/rotate`, { method: "POST", body });
			expect([answer.status, (await refusalOf(answer)).code]).toEqual([415, "unsupported_media_type"]);
			expect((await shown(id)).previous_secrets).toEqual([]);
		});

		it("is over at the very millisecond that the endpoint shows, not one before", async () => {
			const { id, secret } = await world.endpoint(ONE);
			const next = await rotated(id, { overlap_h: 2 });
			expect(next.previous_secrets).toEqual([inHours(2)]);
			const end = Date.parse(next.previous_secrets[0]!.expires_at);
			world.jump(end - 1 - world.now());
			expect(await signers(secret, next.secret)).toEqual({ standard: [true, true], deapi: 0 });
			expect((await shown(id)).previous_secrets).toHaveLength(1);
			world.jump(end - world.now());
			expect(await signers(secret, next.secret)).toEqual({ standard: [false, true], deapi: 1 });
			const { data } = await got<Listed>(world.request("/v1/endpoints"));
			expect([(await shown(id)).previous_secrets, data[0]!["previous_secrets"]]).toEqual([[], []]);
		});

		it("has a second one in it: three sign, deAPI's header by the oldest that is left", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret: second } = await rotated(id, { overlap_h: 10 });
			world.jump(HOUR);
			const third = await rotated(id, { overlap_h: 20 });
			expect(third.previous_secrets).toEqual([inHours(20), inHours(9)]);
			const all = [first, second, third.secret] as const;
			expect(await signers(...all)).toEqual({ standard: [true, true, true], deapi: 0 });
			expect(world.callbacks.at(-1)!.headers["webhook-signature"]!.split(" ")).toHaveLength(3);
			world.jump(9 * HOUR);
			expect(await signers(...all)).toEqual({ standard: [false, true, true], deapi: 1 });
			world.jump(11 * HOUR);
			expect(await signers(...all)).toEqual({ standard: [false, false, true], deapi: 2 });
		});

		it("is refused where a fourth would sign: it says until when, and what works at once", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret: second } = await rotated(id, { overlap_h: 10 });
			const { secret: third } = await rotated(id, { overlap_h: 5 });
			const refused = await rotate(id);
			const { code, message } = await refusalOf(refused);
			expect([refused.status, code]).toEqual([409, "not_possible"]);
			for (const part of ["3 secrets sign at a time", inHours(5).expires_at, "overlap_h: 0"]) expect(message).toContain(part);
			expect(world.lines.filter(({ what }) => what === "endpoint_secret.rotated").map(({ fields }) => fields)).toEqual([
				{ app: world.appId, endpoint: id, overlap_ms: 10 * HOUR, active: 2 },
				{ app: world.appId, endpoint: id, overlap_ms: 5 * HOUR, active: 3 },
			]);
			expect(await signers(first, second, third)).toEqual({ standard: [true, true, true], deapi: 0 });
			world.jump(5 * HOUR);
			const { secret: fourth } = await rotated(id);
			expect(await signers(first, second, third, fourth)).toEqual({ standard: [true, false, true, true], deapi: 0 });
		});

		it("of 0 hours ends all older ones at once", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret: second } = await rotated(id, { overlap_h: 168 });
			const { secret: third } = await rotated(id, { overlap_h: 168 });
			const last = await rotated(id, { overlap_h: 0 });
			expect(last.previous_secrets).toEqual([]);
			expect(await signers(first, second, third, last.secret)).toEqual({ standard: [false, false, false, true], deapi: 3 });
		});

		it("to the secret that is the current one already takes no place, and ends the older ones where that is asked", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret } = await rotated(id);
			expect((await rotated(id, { secret })).previous_secrets).toEqual([inHours(24)]);
			expect(await signers(first, secret)).toEqual({ standard: [true, true], deapi: 0 });
			expect((await rotated(id, { secret, overlap_h: 0 })).previous_secrets).toEqual([]);
			expect(await signers(first, secret)).toEqual({ standard: [false, true], deapi: 1 });
		});

		it.each([
			["less than none", { overlap_h: -1 }],
			["more than a week", { overlap_h: 169 }],
			["half an hour", { overlap_h: 0.5 }],
			["text", { overlap_h: "24" }],
			["null", { overlap_h: null }],
		])("of %s is refused by the name of the field, and nothing is rotated", async (_, body) => {
			const { id, secret } = await world.endpoint(ONE);
			const response = await rotate(id, body);
			const details = [{ field: "overlap_h", message: "must be whole hours, 0 to 168" }];
			expect([response.status, (await refusalOf(response)).details]).toEqual([422, details]);
			expect(await signers(secret)).toEqual({ standard: [true], deapi: 0 });
		});

		it("goes on where an old secret does not open any more: the rest sign, and the log says so without it", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret } = await rotated(id);
			await spoilOldSecrets(world, id);
			expect(await signers(first, secret)).toEqual({ standard: [false, true], deapi: 1 });
			const lines = world.lines.filter(({ what }) => what === "secret.unreadable");
			const fields = { app: world.appId, delivery: expect.stringMatching(/^dlv_/), target: id, what: "old_secret" };
			expect(lines).toMatchObject([{ level: "error", fields }]);
			expect(await got(call(world, "POST", `/v1/endpoints/${id}/test`))).toMatchObject({ acknowledged: true });
		});

		it("signs a sample like any other callback", async () => {
			const { id, secret: first } = await world.endpoint(ONE);
			const { secret } = await rotated(id);
			await got(call(world, "POST", `/v1/endpoints/${id}/test`));
			const [sample] = world.callbacks;
			expect([first, secret].map((one) => verifiedBy(one, sample!))).toEqual([true, true]);
			expect(signedBy(sample!, first)).toBe(true);
		});
	});

	describe("a rotation of an app's callback secret", () => {
		const begin = async (env: Record<string, string> = {}) => openWorld(await open(), { env: { JOBHOOK_CALLBACK_SECRET: "", ...env } });
		const rotate = async (world: World, body?: object) =>
			(await got<{ callback_secret: string; previous_secrets: object[] }>(call(world, "POST", `/v1/apps/${world.appId}/rotate`, body)))
				.callback_secret;
		const signers = async (world: World, ...secrets: string[]) => {
			await finished(world);
			await world.run();
			const callback = world.callbacks.at(-1)!;
			return {
				standard: secrets.map((secret) => verifiedBy(secret, callback)),
				deapi: secrets.findIndex((secret) => signedBy(callback, secret)),
			};
		};

		it("keeps the old one beside it as long as the setting says, and says so", async () => {
			const world = await begin({ SECRET_OVERLAP_H: "2" });
			const first = await rotate(world, { overlap_h: 0 });
			const answer = await got<{ callback_secret: string }>(call(world, "POST", `/v1/apps/${world.appId}/rotate`));
			const second = answer.callback_secret;
			const end = world.now() + 2 * HOUR;
			expect(answer).toEqual({
				...{ id: world.appId, callback_secret: second },
				previous_secrets: [{ expires_at: new Date(end).toISOString() }],
			});
			expect(await signers(world, first, second)).toEqual({ standard: [true, true], deapi: 0 });
			world.jump(end - world.now());
			expect(await signers(world, first, second)).toEqual({ standard: [false, true], deapi: 1 });
			await world.close();
		});

		it("is refused where a fourth would sign, and ends all older ones with 0 hours", async () => {
			const world = await begin();
			const [first, second] = [await rotate(world), await rotate(world)]; // beside the one that was made at the start
			const refused = await call(world, "POST", `/v1/apps/${world.appId}/rotate`);
			expect([refused.status, (await refusalOf(refused)).message]).toEqual([409, expect.stringContaining("overlap_h: 0")]);
			const last = await rotate(world, { overlap_h: 0 });
			expect(await signers(world, first, second, last)).toEqual({ standard: [false, false, true], deapi: 2 });
			const wrong = await call(world, "POST", `/v1/apps/${world.appId}/rotate`, { overlap_h: 169 });
			expect([wrong.status, (await refusalOf(wrong)).details?.[0]?.field]).toEqual([422, "overlap_h"]);
			await world.close();
		});

		it("that meets another one sees what that made", async () => {
			const world = await begin();
			const first = await rotate(world, { overlap_h: 0 });
			meet(world, true);
			const both = await Promise.all([rotate(world), rotate(world)]);
			expect((await signers(world, first, ...both)).standard).toEqual([true, true, true]);
			await world.close();
		});

		it("leaves a job's own secret alone", async () => {
			const world = await begin();
			const [own, next] = ["a secret of one job, which it brought along", await rotate(world)];
			await finished(world, { webhook_secret: own });
			await world.run();
			expect([own, next].map((secret) => signedBy(world.callbacks.at(-1)!, secret))).toEqual([true, false]);
			await world.close();
		});

		it("ends with the next start where a setting holds the secret", async () => {
			const world = await begin();
			const next = await rotate(world);
			await bootstrap({ ...world.deps, config: { ...world.deps.config, callbackSecret: CALLBACK_SECRET } });
			expect(await signers(world, next, CALLBACK_SECRET)).toEqual({ standard: [false, true], deapi: 1 });
			await world.close();
		});
	});
}
