import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { allFinished, finished, NO_URL } from "./callbacks.ts";
import { call, got } from "./calls.ts";
import { refusalOf } from "./doors.ts";
import { signedBy } from "./signed-by.ts";
import { deliveriesOf, meet } from "./tools.ts";
import { verifiedBy } from "./verified-by.ts";

const HOUR = 3_600_000;
const ONE = { url: "https://example.com/hooks", event_types: ["job.completed"] };

export function rotations(open: () => Promise<Db>): void {
	describe("a rotation at load", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const rotate = (id: string, body?: object) => call(world, "POST", `/v1/endpoints/${id}/rotate`, body);
		const rotated = async (id: string, body?: object) => (await got<{ secret: string }>(rotate(id, body))).secret;

		it("costs no receiver a callback: who knows the old secret until the overlap ends, and who knows the new one from the start", async () => {
			const { id, secret: before } = await world.endpoint(ONE);
			const jobs = await allFinished(world, 10, NO_URL);
			await world.run();
			const sent = (await Promise.all(jobs.map((job) => deliveriesOf(world, job)))).flat();
			/** Ten callbacks every two hours; `beside` runs while they leave. */
			const stream = async (hours: number, beside?: () => Promise<void>) => {
				for (let hour = 0; hour < hours; hour += 2) {
					world.jump(2 * HOUR);
					await Promise.all(sent.map((delivery) => got(call(world, "POST", `/v1/deliveries/${delivery.id}/replay`))));
					await Promise.all([world.run(), hour === 0 ? beside?.() : null]);
				}
			};
			await stream(6);
			let after = "";
			await stream(2, async () => {
				after = await rotated(id);
			});
			const from = world.now();
			await stream(30);

			expect(world.callbacks).toHaveLength(10 + 10 * 19);
			const phase = ({ atMs }: { atMs: number }) =>
				atMs < from ? "before" : atMs === from ? "meanwhile" : atMs < from + 24 * HOUR ? "during" : "after";
			const seen = new Set(
				world.callbacks.map((callback) => {
					const standard = [before, after].map((secret) => verifiedBy(secret, callback));
					const deapi = [before, after].map((secret) => signedBy(callback, secret));
					if (phase(callback) === "meanwhile") standard.pop(); // the new one may sign already
					return JSON.stringify([phase(callback), { standard, deapi }]);
				}),
			);
			expect([...seen].map((line) => JSON.parse(line) as unknown)).toEqual([
				["before", { standard: [true, false], deapi: [true, false] }],
				["meanwhile", { standard: [true], deapi: [true, false] }],
				["during", { standard: [true, true], deapi: [true, false] }],
				["after", { standard: [false, true], deapi: [false, true] }],
			]);
		}, 60_000);

		it.each([false, true])(
			"that meets another one sees what that made: both secrets sign, and the first one (the later first: %s)",
			async (later) => {
				const { id, secret } = await world.endpoint(ONE);
				meet(world, later);
				const both = await Promise.all([rotated(id), rotated(id)]);
				await finished(world, NO_URL);
				await world.run();
				const callback = world.callbacks.at(-1)!;
				expect([secret, ...both].map((one) => verifiedBy(one, callback))).toEqual([true, true, true]);
				expect(signedBy(callback, secret)).toBe(true);
			},
		);

		it("of which many are asked for at once is done as often as there is room; the others are told so, and change nothing", async () => {
			const { id, secret } = await world.endpoint(ONE);
			const answers = await Promise.all(Array.from({ length: 6 }, () => rotate(id)));
			expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 409, 409, 409, 409]);
			const secrets = [secret];
			for (const answer of answers) {
				if (answer.ok) secrets.push((await got<{ secret: string }>(answer)).secret);
				else expect((await refusalOf(answer)).code).toBe("not_possible");
			}
			await finished(world, NO_URL);
			await world.run();
			expect(secrets.map((one) => verifiedBy(one, world.callbacks.at(-1)!))).toEqual([true, true, true]);
		});

		it("of which many end all older ones at once leaves the last one alone, and all of them were told theirs", async () => {
			const { id, secret } = await world.endpoint(ONE);
			const secrets = await Promise.all(Array.from({ length: 5 }, () => rotated(id, { overlap_h: 0 })));
			await finished(world, NO_URL);
			await world.run();
			const callback = world.callbacks.at(-1)!;
			expect([secret, ...secrets].filter((one) => verifiedBy(one, callback))).toHaveLength(1);
			expect(verifiedBy(secret, callback)).toBe(false);
		});
	});
}
