import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import type { Receiver } from "../../support/receiver-server.ts";
import { countBy, type Faults, HOUR, MINUTE, openFaults, TEST_MS, tell } from "./tools.ts";

const QUEUE = 30;
const SLOTS = 10;

/** Row 40. */
export function changes(open: () => Promise<Db>): void {
	describe("an endpoint with a queue, and ten attempts under way, that is", { timeout: TEST_MS }, () => {
		let faults: Faults;
		let receiver: Receiver;
		let id: string;
		let held: ReturnType<Faults["hold"]>;
		beforeEach(async () => {
			faults = await openFaults(await open());
			receiver = await faults.receiver();
			({ id } = await faults.world.endpoint({ url: receiver.url, event_types: ["job.completed"] }));
			held = faults.hold(receiver);
			await faults.feed(Array.from({ length: QUEUE }, () => faults.world.now()));
			expect([await faults.begin(), await faults.begin()]).toEqual([SLOTS, 0]);
			expect(held).toHaveLength(SLOTS);
		});
		afterEach(async () => {
			for (const answer of held) answer(200);
			await faults.close();
		});

		/** Half of those under way arrive, half fail. */
		async function halfArrive() {
			for (const [i, answer] of held.splice(0).entries()) answer(i < SLOTS / 2 ? 200 : 500);
			await faults.ended();
			receiver.answers(() => 200);
		}
		const states = async () => countBy(await faults.deliveries(id), ({ state, reason }) => `${state} ${reason}`);

		it("given another URL is told there from the next attempt on; what was under way ends where it is", async () => {
			const fresh = await faults.receiver();
			expect((await faults.post(`/v1/endpoints/${id}`, "PATCH", { url: fresh.url })).status).toBe(200);
			expect(await faults.begin()).toBe(0);
			await halfArrive();
			await faults.play(HOUR);
			expect(receiver.arrivals).toHaveLength(SLOTS);
			expect(await states()).toEqual({ "delivered acknowledged": QUEUE });
			const again = fresh.arrivals.filter(({ attempt }) => attempt === 2);
			expect([fresh.arrivals.length, again.length]).toEqual([QUEUE - SLOTS / 2, SLOTS / 2]);
			tell(
				faults,
				40,
				`other URL: ${SLOTS} ended at the old one (5 arrived, 5 failed), 0 more went there; 25 to the new one, all ${QUEUE} delivered`,
			);
		});

		it("deleted is sent nothing more: what waits is stopped, and what was under way and fails", async () => {
			expect((await faults.world.request(`/v1/endpoints/${id}`, { method: "DELETE" })).status).toBe(204);
			expect(await faults.begin()).toBe(0);
			await faults.feed([faults.world.now()]);
			expect(await faults.begin()).toBe(0);
			await halfArrive();
			await faults.play(HOUR);
			expect(receiver.arrivals).toHaveLength(SLOTS);
			expect(await states()).toEqual({ "delivered acknowledged": SLOTS / 2, "stopped endpoint_deleted": QUEUE - SLOTS / 2 });
			tell(faults, 40, `deleted: 0 requests after it; of ${SLOTS} under way 5 arrived, 25 stopped, none made for what came then`);
		});

		it("disabled is sent nothing: what waits is held, and what comes, and what was under way and fails; enabled, all of it arrives", async () => {
			expect((await faults.post(`/v1/endpoints/${id}/disable`)).status).toBe(200);
			expect(await faults.begin()).toBe(0);
			await faults.feed([faults.world.now()]);
			await halfArrive();
			await faults.play(HOUR);
			expect(receiver.arrivals).toHaveLength(SLOTS);
			expect(await states()).toEqual({ "delivered acknowledged": SLOTS / 2, "held endpoint_disabled": QUEUE + 1 - SLOTS / 2 });
			await faults.post(`/v1/endpoints/${id}/enable`);
			await faults.play(MINUTE);
			expect(await states()).toEqual({ "delivered acknowledged": QUEUE + 1 });
			tell(faults, 40, "disabled: 0 requests after it; 5 of 10 under way arrived, 26 held; enabled: 26 delivered");
		});

		it("deleted while rounds go on is sent nothing that was claimed after the delete", async () => {
			receiver.answers(() => 200);
			for (const answer of held.splice(0)) answer(200);
			await faults.ended();
			const [, response] = await Promise.all([
				faults.begin(),
				faults.world.request(`/v1/endpoints/${id}`, { method: "DELETE" }),
				faults.begin(),
			]);
			expect(response.status).toBe(204);
			await faults.ended();
			const reached = receiver.arrivals.length;
			await faults.play(HOUR);
			expect(receiver.arrivals).toHaveLength(reached);
			const { "delivered acknowledged": delivered = 0, "stopped endpoint_deleted": stopped = 0, ...others } = await states();
			expect(others).toEqual({});
			expect([delivered, stopped]).toEqual([reached, QUEUE - reached]);
			tell(faults, 40, `deleted amid claims: ${reached} reached, each settled as delivered; ${stopped} stopped, 0 requests later`);
		});
	});
}
