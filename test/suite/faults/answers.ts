import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import type { Reply } from "../../support/receiver-server.ts";
import { DAY, type Faults, HOUR, MINUTE, openFaults, TEST_MS, tell } from "./tools.ts";

const header = (value: string) => ({ "webhook-delivery": value });

/** Row 28. */
export function answers(open: () => Promise<Db>): void {
	describe("a receiver that answers", { timeout: TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
			faults.world.deps.random = () => 0;
		});
		afterEach(() => faults.close());

		/** One delivery waits after a failure, one meets the answer, one comes after it. */
		async function meets(reply: Reply) {
			const { world, play, feed } = faults;
			const receiver = await faults.receiver();
			const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"] });
			const [began, met] = [world.now(), world.now() + MINUTE];
			receiver.answers(({ atMs }) => (atMs === met ? reply : atMs < met ? 500 : 200));
			await feed([began, met]);
			await play(2 * MINUTE);
			await feed([world.now()]);
			await play(DAY, { sweepMs: HOUR });
			return { id, receiver, rows: await faults.deliveries(id), met };
		}

		it.each([
			["410", 410, "http_410"],
			["webhook-delivery: disable", { status: 400, headers: header("disable") }, "receiver_disabled"],
			["webhook-delivery: Disable, in a 500", { status: 500, headers: header(" Disable ") }, "receiver_disabled"],
		] as [string, Reply, string][])("%s is disabled, and all is held until it is enabled", async (what, reply, reason) => {
			const { id, receiver, rows, met } = await meets(reply);
			expect(rows.map(({ state }) => state)).toEqual(["held", "held", "held"]);
			expect(rows.map(({ attempts }) => attempts)).toEqual([3, 1, 0]);
			expect(receiver.arrivals.filter(({ atMs }) => atMs > met)).toEqual([]);
			expect(await faults.stateOf(id)).toEqual({ state: "disabled", reason });
			await faults.post(`/v1/endpoints/${id}/enable`);
			await faults.play(MINUTE);
			expect((await faults.deliveries(id)).map(({ state }) => state)).toEqual(["delivered", "delivered", "delivered"]);
			tell(faults, 28, `${what}: disabled at once, 3 held, 0 requests for a day; enabled: 3 delivered`);
		});

		it("webhook-delivery: abort-message is not sent that one again, and everything else", async () => {
			const { id, receiver, rows } = await meets({ status: 500, headers: header("abort-message") });
			expect(rows.map(({ state, reason, attempts }) => [state, reason, attempts])).toEqual([
				["delivered", "acknowledged", 4],
				["stopped", "receiver_aborted", 1],
				["delivered", "acknowledged", 1],
			]);
			expect(receiver.arrivals.filter(({ delivery }) => delivery === rows[1]!.id)).toHaveLength(1);
			expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
			tell(faults, 28, "abort-message: 1 stopped after 1 attempt, 2 delivered, endpoint enabled");
		});

		/** One delivery for each of these, at an endpoint of its own; the second attempt is acknowledged. */
		async function each(replies: readonly Reply[]) {
			const { world, play, feed } = faults;
			const began = world.now();
			const ids: string[] = [];
			for (const reply of replies) {
				const receiver = await faults.receiver();
				receiver.answers(({ atMs }) => (atMs === began ? reply : 200));
				ids.push((await world.endpoint({ url: receiver.url, event_types: ["job.completed"] })).id);
			}
			await feed([began]);
			await play(2 * MINUTE);
			return Promise.all(
				ids.map(async (id) => {
					const [delivery] = await faults.deliveries(id);
					return [delivery!.state, ...(await faults.attempts(id)).map(({ reason }) => reason)];
				}),
			);
		}

		it("any 2xx has been told", async () => {
			const seen = await each([200, 201, 202, 204, 206, 299]);
			expect(seen).toEqual(seen.map(() => ["delivered", "acknowledged"]));
		});

		it("anything else has not, and is told again", async () => {
			const statuses = [300, 304, 400, 404, 418, 500, 599];
			expect(await each(statuses)).toEqual(statuses.map((status) => ["delivered", `http_${status}`, "acknowledged"]));
		});

		it("with a redirect to a page that answers 200 is told again, and nobody asks for the page", async () => {
			const page = await faults.receiver();
			const statuses = [301, 302, 303, 307, 308];
			const seen = await each(statuses.map((status) => ({ status, headers: { location: page.url } })));
			expect(seen).toEqual(statuses.map((status) => ["delivered", `http_${status}`, "acknowledged"]));
			expect(page.arrivals).toEqual([]);
			tell(faults, 28, "2xx delivered; 304 failed and told again; 301, 302, 303, 307, 308: failed, 0 requests at the page");
		});
	});
}
