import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resultLink } from "../../../src/core/result-link.ts";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, openWorld, submitted, type World } from "../../support/world.ts";
import { finished } from "./callbacks.ts";
import { refusalOf } from "./doors.ts";

const WEEK = 7 * 86_400_000;

export function results(open: () => Promise<Db>): void {
	describe("a result link", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		/** Whoever holds the link, with no key. */
		const follow = (link: string) => world.app.request(link);
		const completed = async () => {
			const job = await finished(world);
			return { job, link: (await world.job(job))["result_url"] as string };
		};

		it("in job and callback leads to the provider's own, without a key", async () => {
			const { job, link } = await completed();
			await world.run();
			const told = JSON.parse(world.callbacks.at(-1)!.body).data.result_url as string;
			for (const url of [link, told]) {
				expect(url.startsWith(`${GATEWAY}/results/${job}?exp=`)).toBe(true);
				const response = await follow(url);
				expect([response.status, response.headers.get("location")]).toEqual([302, "https://storage.deapi.ai/r/a.png"]);
				expect(response.headers.get("cache-control")).toBe("private, max-age=60");
			}
		});

		it("ends after seven days, and the job has a new one then", async () => {
			const { job, link } = await completed();
			world.jump(WEEK);
			expect((await follow(link)).status).toBe(302);
			world.jump(1000);
			expect((await follow(link)).status).toBe(404);
			expect((await follow((await world.job(job))["result_url"] as string)).status).toBe(302);
		});

		it("that was changed, or is of another job, is none", async () => {
			const [one, other] = [await completed(), await completed()];
			const { exp, sig } = Object.fromEntries(new URL(one.link).searchParams) as { exp: string; sig: string };
			const at = (job: string, query: string) => `${GATEWAY}/results/${job}${query}`;
			for (const url of [
				at(one.job, ""),
				at(one.job, `?exp=${exp}`),
				at(one.job, `?sig=${sig}`),
				at(one.job, `?exp=${Number(exp) + 1}&sig=${sig}`),
				at(one.job, `?exp=${exp}&sig=${sig.slice(0, -2)}`),
				at(one.job, `?exp=${exp}&sig=${sig.toLowerCase()}`),
				at(other.job, `?exp=${exp}&sig=${sig}`),
				at("unknown", `?exp=${exp}&sig=${sig}`),
			]) {
				const response = await follow(url);
				expect(response.status, url).toBe(404);
				expect((await refusalOf(response)).code).toBe("not_found");
			}
			expect((await follow(one.link)).status).toBe(302);
		});

		it("of a job without a result leads nowhere", async () => {
			const job = await submitted(world);
			expect(await world.job(job)).toMatchObject({ result_url: null });
			const link = resultLink(world.deps.secrets, GATEWAY, job, world.now() + WEEK);
			expect((await follow(link)).status).toBe(404);
		});
	});
}
