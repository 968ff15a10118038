import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import type { Db } from "../../../src/db/db.ts";
import { CALLBACK_SECRET, HOOK_SECRET, KEY, openWorld, submitted, type World } from "../../support/world.ts";
import { answers, finished } from "./callbacks.ts";
import { answersOf, as, post } from "./doors.ts";
import { submissionsOf, tokenUrl } from "./tools.ts";

const JOB_SECRET = "the-secret-of-one-job-alone-0123456789";

export function secrets(open: () => Promise<Db>): void {
	describe("a secret", () => {
		let world: World;
		let bodies: string[];
		beforeEach(async () => {
			world = await openWorld(await open());
			bodies = answersOf(world);
		});
		afterEach(() => world.close());

		it("is in no log line and in no answer, but in that of its endpoint's creation", async () => {
			const { key } = await createKey(world.deps, world.appId, { name: "made", scopes: ["admin"] });
			const endpoint = (await (await post(world, "/v1/endpoints", JSON.stringify({ url: "https://example.com/" }))).json()) as {
				id: string;
				secret: string;
			};
			bodies.length = 0;
			answers(world, 500, [429, { "retry-after": "5" }], [200, {}, "thanks"]);
			const job = await finished(world, { webhook_secret: JOB_SECRET });
			await post(world, "/v1/jobs", JSON.stringify({ webhook_secret: JOB_SECRET }));
			await post(world, "/v1/jobs", JSON.stringify({ webhook_secret: JOB_SECRET.slice(0, 31) }), as(key));
			await world.request("/v1/jobs/unknown", { headers: as("a-wrong-key-that-was-mistyped") });
			await world.pass(600_000);
			const link = (await world.job(job))["result_url"] as string;
			await world.app.request(link);
			await world.timeline(job);
			await world.request(`/v1/endpoints/${endpoint.id}`);
			const [submission] = await submissionsOf(world, job);
			const token = tokenUrl(world, submission!.id).split("/").at(-1)!;
			await world.app.request(tokenUrl(world, submission!.id), { method: "POST", body: "{}" });
			await submitted(world);

			const lines = JSON.stringify(world.lines);
			expect(lines).toContain("attempt.finished");
			expect(lines).toContain("hook.refused");
			const kept = [KEY, key, CALLBACK_SECRET, HOOK_SECRET, JOB_SECRET, endpoint.secret, "sandbox-key", "a-wrong-key", token];
			for (const secret of kept) {
				expect(lines).not.toContain(secret);
				expect(bodies.join("\n")).not.toContain(secret);
			}
			const signature = new URL(link).searchParams.get("sig")!;
			expect(lines).not.toContain(signature);
			expect(lines).not.toContain("a red fox"); // nor what was asked for
		});
	});
}
