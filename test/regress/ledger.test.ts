import { afterEach, beforeEach, expect, it } from "vitest";
import { importKey } from "../../src/access/import-key.ts";
import { accepted, answerFor, deliveriesOf, hook, submissionsOf, told } from "../suite/gateway/tools.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { answer, broken, HOOK_SECRET, JOB, openWorld, RECEIVER, submitted, type World } from "../support/world.ts";

const HOUR = 3_600_000;
let world: World;
beforeEach(async () => {
	world = await openWorld(freshSqlite());
});
afterEach(() => world.close());

/** A second key of the same deAPI account, which shares its webhook secret. */
async function importedKey(): Promise<string> {
	const key = "second-key-of-the-account";
	const wish = { provider: "deapi", name: "second", scopes: ["admin"] as const, key, webhookSecret: HOOK_SECRET };
	await importKey(world.deps, world.appId, wish);
	return key;
}

it("two accounts that share a webhook secret keep their hooks apart, at a token and at the account's address", async () => {
	const authorization = `Bearer ${await importedKey()}`;
	for (const at of ["token", "account"]) {
		world.holdHooks(true);
		const { id } = (await (await world.submit({}, { authorization })).json()) as { id: string };
		await world.run();
		const [submission] = await submissionsOf(world, id);
		expect(submission?.accountId).toBe("deapi:second");
		world.holdHooks(false);
		const url =
			at === "token"
				? `https://gateway.test/hooks/deapi/${(await tokenOf(submission!.id)).split("/").at(-1)}`
				: "https://gateway.test/hooks/deapi";
		expect(await told(world, hook(world, { url, providerJob: submission!.providerJobId!, event: "job.completed" }))).toBe("200 applied");
		expect((await world.job(id)).state).toBe("completed");
	}
});
async function tokenOf(submission: string): Promise<string> {
	const { hookToken } = await import("../../src/core/hook-token.ts");
	return hookToken(world.deps.secrets, submission);
}

it("a job whose polls only ever fail ends some days after its deadline, and says what the last answer was", async () => {
	const { job } = await accepted(world);
	world.holdHooks(true);
	answerFor(world, "/request-status", () => answer(401, {}, '{"message":"Unauthenticated."}'));
	world.jump(24 * HOUR);
	await world.run();
	world.jump(71 * HOUR);
	await world.run();
	expect((await world.job(job)).state).toBe("submitted");
	world.jump(2 * HOUR);
	await world.run();
	expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "provider_unreachable" } });
	expect((await world.job(job)).error?.message).toContain("http_401");
});

it("what fails before a byte leaves was certainly not sent: the job waits for its account instead of becoming unknown", async () => {
	const authorization = `Bearer ${await importedKey()}`;
	const { id } = (await (await world.submit({}, { authorization })).json()) as { id: string };
	const { open } = world.deps.secrets;
	world.deps.secrets.open = () => {
		throw new Error("sealed with another key");
	};
	await world.run();
	expect((await submissionsOf(world, id))[0]).toMatchObject({ state: "not_taken", reason: "not_ready" });
	world.deps.secrets.open = open;
	await world.pass(60_000);
	expect((await world.job(id)).state).toBe("completed");
	expect(await world.calls("txt2img")).toHaveLength(1);
});

it("a disabled endpoint with the job's own URL gets nothing held: enabling it tells nobody twice", async () => {
	const { id } = await world.endpoint({ url: RECEIVER });
	await world.request(`/v1/endpoints/${id}/disable`, { method: "POST" });
	const job = await submitted(world, { webhook_events: ["job.completed"] });
	await world.pass(5000);
	const completed = (await deliveriesOf(world, job)).filter(({ eventType }) => eventType === "job.completed");
	expect(completed.map(({ target, state }) => `${target} ${state}`)).toEqual(["job delivered"]);
});

it("a 410 for the old address does not disable the endpoint at its new one", async () => {
	const { id } = await world.endpoint({ event_types: ["job.completed"] });
	const moved = "https://elsewhere.example.com/hooks";
	world.onCallback(async ({ url }) => {
		if (url === moved) return answer(200);
		world.jump(1000);
		const body = JSON.stringify({ url: moved });
		await world.request(`/v1/endpoints/${id}`, { method: "PATCH", headers: { "content-type": "application/json" }, body });
		return answer(410);
	});
	const { webhook_url: _, ...withoutUrl } = JOB;
	const response = await world.request("/v1/jobs", {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(withoutUrl),
	});
	const job = ((await response.json()) as { id: string }).id;
	await world.pass(70_000);
	expect((await deliveriesOf(world, job)).map(({ state }) => state)).toEqual(["delivered"]);
	expect(world.callbacks.map(({ url }) => url)).toEqual([RECEIVER, moved]);
});

it("a new address does not inherit the pause that the old one asked for", async () => {
	const { id } = await world.endpoint({ event_types: ["job.completed"] });
	const moved = "https://elsewhere.example.com/hooks";
	world.onCallback(({ url }) => (url === moved ? answer(200) : answer(503, { "retry-after": "80000" })));
	const job = await submitted(world, { webhook_events: ["job.failed"] });
	await world.pass(10_000);
	await world.request(`/v1/endpoints/${id}`, {
		method: "PATCH",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ url: moved }),
	});
	const [delivery] = (await deliveriesOf(world, job)).filter(({ target }) => target === id);
	expect((await world.request(`/v1/deliveries/${delivery!.id}/retry`, { method: "POST" })).status).toBe(200);
	await world.pass(1000);
	expect((await deliveriesOf(world, job)).find(({ target }) => target === id)?.state).toBe("delivered");
});

it("a network that is down before a byte is written is no unknown outcome", async () => {
	world.onRequest((request) => (request.url.endsWith("/txt2img") ? broken("connect_failed", true) : null));
	const job = await submitted(world);
	await world.run();
	expect((await submissionsOf(world, job))[0]).toMatchObject({ state: "not_taken", reason: "connect_failed" });
});
