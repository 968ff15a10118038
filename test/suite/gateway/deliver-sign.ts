import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hyphenated } from "../../../src/core/ids.ts";
import { signDeapi } from "../../../src/core/signature.ts";
import type { Db } from "../../../src/db/db.ts";
import { CALLBACK_SECRET, type Callback, openWorld, RECEIVER, type World } from "../../support/world.ts";
import { answers, finished } from "./callbacks.ts";

const OWN_SECRET = `whsec_${Buffer.alloc(40, 0x21).toString("base64")}`;
const IMPORTED = "a secret that was made for deAPI, 40 long";

const verifies = (secret: string, { body, headers }: Callback): boolean => {
	try {
		new Webhook(secret).verify(body, headers);
		return true;
	} catch {
		return false;
	}
};
const isDeapi = (secret: string, { body, headers }: Callback): boolean =>
	headers["x-deapi-signature"] === signDeapi(secret, headers["x-deapi-timestamp"]!, body);

export function signatures(open: () => Promise<Db>): void {
	describe("the secret that signs", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { began: Date.now() }); // the official verifier knows no other clock
		});
		afterEach(() => world.close());

		it("is the app's for a job's own URL, on every attempt anew", async () => {
			answers(world, 500, 200);
			await finished(world);
			await world.pass(60_000);
			expect(world.callbacks).toHaveLength(2);
			for (const callback of world.callbacks) {
				expect(verifies(CALLBACK_SECRET, callback)).toBe(true);
				expect(isDeapi(CALLBACK_SECRET, callback)).toBe(true);
				expect(callback.headers["webhook-timestamp"]).toBe(String(Math.floor(callback.atMs / 1000)));
				expect(callback.headers["x-deapi-delivery-id"]).toBe(hyphenated(callback.headers["webhook-id"]!));
			}
			const [one, two] = world.callbacks.map(({ headers }) => headers["webhook-signature"]);
			expect(one).not.toBe(two);
		});

		it("is the job's own where it brought one", async () => {
			await finished(world, { webhook_secret: OWN_SECRET });
			await world.run();
			expect(verifies(OWN_SECRET, world.callbacks[0]!)).toBe(true);
			expect(verifies(CALLBACK_SECRET, world.callbacks[0]!)).toBe(false);
		});

		it("is the endpoint's for an endpoint, whatever the job brought", async () => {
			const { secret } = await world.endpoint({ url: "https://endpoint.example.com/", event_types: ["job.completed"] });
			await finished(world, { webhook_secret: OWN_SECRET });
			await world.run();
			expect(world.callbacks).toHaveLength(2);
			for (const callback of world.callbacks) {
				expect(verifies(secret, callback)).toBe(callback.url !== RECEIVER);
				expect(verifies(OWN_SECRET, callback)).toBe(callback.url === RECEIVER);
			}
		});

		it("tells one URL once: as the endpoint that stands there, or as the job that brought a secret for it", async () => {
			const { secret } = await world.endpoint({ event_types: ["job.completed"] });
			await finished(world);
			await world.run();
			await finished(world, { webhook_secret: OWN_SECRET });
			await world.run();
			expect(world.callbacks.map(({ url }) => url)).toEqual([RECEIVER, RECEIVER]);
			expect(world.callbacks.map((callback) => verifies(secret, callback))).toEqual([true, false]);
			expect(world.callbacks.map((callback) => verifies(OWN_SECRET, callback))).toEqual([false, true]);
		});

		it("signs deAPI's family alone where it is no Standard Webhooks secret", async () => {
			await finished(world, { webhook_secret: IMPORTED });
			await world.run();
			expect(isDeapi(IMPORTED, world.callbacks[0]!)).toBe(true);
			expect(world.callbacks[0]!.headers).not.toHaveProperty("webhook-signature");
		});
	});
}
