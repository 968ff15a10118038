import { attemptsOfJob } from "../../../src/jobs/sql/read.ts";
import { answer, type Callback, type World } from "../../support/world.ts";
import { accepted, deliveriesOf, hook, told } from "./tools.ts";

/** A job that the provider just finished: `job.completed` is due at its receivers, now. */
export async function finished(world: World, over: Record<string, unknown> = {}): Promise<string> {
	const [job] = await allFinished(world, 1, over);
	return job!;
}

/** Several of them, before any is told. */
export async function allFinished(world: World, count: number, over: Record<string, unknown> = {}): Promise<string[]> {
	const jobs = [];
	while (jobs.length < count) jobs.push(await accepted(world, over));
	for (const { providerJob, url } of jobs) {
		const said = await told(world, hook(world, { url, providerJob, event: "job.completed" }));
		if (said !== "200 applied") throw new Error(`not finished: ${said}`);
	}
	return jobs.map(({ job }) => job);
}

/** Only endpoints are told of it. */
export const NO_URL = { webhook_url: undefined };

export const attemptsOf = (world: World, job: string) => world.deps.db.read(attemptsOfJob.bind({ app: world.appId, job }));

/** The one delivery of a job, in short. */
export async function deliveryOf(world: World, job: string) {
	const [delivery, ...others] = await deliveriesOf(world, job);
	if (delivery === undefined || others.length > 0) throw new Error(`${others.length + 1} deliveries`);
	return delivery;
}

/** Receivers answer these one after the other, and the last one for ever. */
export function answers(world: World, ...statuses: (number | Parameters<typeof answer>)[]): void {
	const left = statuses.map((status) => (typeof status === "number" ? answer(status) : answer(...status)));
	world.onCallback(() => (left.length > 1 ? left.shift()! : left[0]!));
}

/** Receivers answer when they are told to. Returns the callbacks that wait, each with its answer's door. */
export function holdCallbacks(world: World) {
	const waiting: { callback: Callback; settle(status: number, headers?: Record<string, string>): void }[] = [];
	world.onCallback(
		(callback) =>
			new Promise((resolve) => {
				waiting.push({ callback, settle: (status, headers) => resolve(answer(status, headers)) });
			}),
	);
	return waiting;
}

export async function endpointState(world: World, id: string) {
	const { state, reason } = (await (await world.request(`/v1/endpoints/${id}`)).json()) as { state: string; reason: string | null };
	return { state, reason };
}

export const attemptNumbers = (world: World) => world.callbacks.map(({ headers }) => headers["jobhook-attempt"]);
