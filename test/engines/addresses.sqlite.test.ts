import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { submissionsOf } from "../suite/gateway/tools.ts";
import { hostOf, isUrl, openGateway } from "../support/addresses/gateway.ts";
import type { Fate, Vector } from "../support/addresses/vectors.ts";

type Gateway = Awaited<ReturnType<typeof openGateway>>;
const EDIT = { provider: "decart", type: "video_edit", model: "lucy-2.5" };
const DRAW = { provider: "deapi", type: "txt2img", model: "Flux1schnell", input: { prompt: "a fox", width: 512, height: 512, steps: 4 } };
const STAND_IN = "https://stand-in.example.com/";
const REASONS: Record<Fate, string> = {
	refused: "address_refused",
	stored: "address_refused",
	unknown: "dns_error",
	through: "connect_failed", // nobody is there in these tests; but a connection was wanted
};
const HOUR = 3_600_000;

describe("every address vector", { timeout: 30_000 }, () => {
	let gateway: Gateway;
	/** The rows that are about a vector, by its place. */
	const endpoints: string[] = [];
	const jobs: string[] = [];
	/** What is there with a vector in a request: refused by the name of the field, else taken. */
	const taken = async (fate: Fate, url: string, field: string, path: string, body: (url: string) => object): Promise<string | null> => {
		const answer = await gateway.post(path, body(url));
		const refused = { status: 422, id: null, fields: [field] };
		if (fate === "refused") expect(answer, `${field} ${JSON.stringify(url)}`).toEqual(refused);
		else expect([201, 202], `${field} ${JSON.stringify(url)}`).toContain(answer.status);
		return answer.id;
	};
	const edit = (data: string) => ({ ...EDIT, input: { prompt: "in snow", data } });
	const endpoint = (url: string) => ({ url, event_types: ["job.canceled"] });

	beforeAll(async () => {
		gateway = await openGateway();
	});
	afterAll(() => gateway.close());

	it("is refused, or taken, as an endpoint's URL, as a job's webhook_url, and as the URL of a file", async () => {
		const store = async (i: number, { url, fate }: Vector) => {
			const [made, job] = await Promise.all([
				taken(fate, url, "url", "/v1/endpoints", endpoint),
				taken(fate, url, "input.data", "/v1/jobs", edit),
				taken(fate, url, "webhook_url", "/v1/jobs", (webhook_url) => ({ ...DRAW, webhook_url })),
			]);
			endpoints[i] = made ?? (await gateway.post("/v1/endpoints", endpoint(STAND_IN))).id!;
			jobs[i] = job ?? (await gateway.post("/v1/jobs", edit(STAND_IN))).id!;
			if (fate === "refused") await gateway.storeAnyhow(endpoints[i], jobs[i], url);
		};
		await Promise.all(gateway.vectors.map((vector, i) => store(i, vector)));
	});

	it("is judged again where it is dialled: one recorded attempt, and nobody is connected to", async () => {
		await gateway.tell("job.canceled");
		await gateway.world.run();
		for (const [i, { url, fate }] of gateway.vectors.entries())
			expect(await gateway.attempts(endpoints[i]!), url).toEqual([{ outcome: "failed", reason: REASONS[fate] }]);
		expect(gateway.heard.connections).toHaveLength(0);
	});

	it("is judged again where a file is fetched: the job ends, and nobody is connected to", async () => {
		const fetched = async (i: number) => {
			const { state, error } = await gateway.world.job(jobs[i]!);
			return { state, code: error?.code, because: error?.message ?? (await submissionsOf(gateway.world, jobs[i]!))[0]!.reason };
		};
		const ended = (why: string) => ({ state: "failed", code: "input_unavailable", because: expect.stringContaining(why) });
		for (const [i, vector] of gateway.vectors.entries()) {
			const why = `data_${REASONS[vector.fate]}`;
			if (why !== "data_address_refused") expect(await fetched(i), vector.url).toEqual({ state: "queued", code: undefined, because: why });
			else if (isUrl(vector)) expect(await fetched(i), vector.url).toEqual(ended(why));
		}
		gateway.world.jump(HOUR + 60_000);
		await gateway.world.run();
		for (const [i, { url }] of gateway.vectors.entries()) expect(await fetched(i), url).toEqual(ended("data"));
		expect(gateway.heard.connections).toHaveLength(0);
	});

	it("of those that may be reached was dialled, and no other address", () => {
		const { vectors, dialled, heard } = gateway;
		const hosts = (fates: Fate[]) => new Set(vectors.filter(({ fate }) => fates.includes(fate)).map(({ url }) => hostOf(url)));
		for (const host of hosts(["through"])) expect(dialled, host).toContain(host);
		// a name is looked up where a connection to it begins
		const others = [...dialled].filter((host) => !hosts(["stored", "unknown", "through"]).has(host));
		const through = vectors.filter(({ fate }) => fate === "through").length;
		const wrongly = others.length + heard.connections.length;
		console.info(
			`${vectors.length} address vectors: ${vectors.length - through} hostile, let through: ${wrongly}; ${through} public, all dialled`,
		);
		expect(others).toEqual([]);
	});
});
