import { submissionOfToken } from "../../../src/core/hook-token.ts";
import type { HttpAnswer } from "../../../src/core/http.ts";
import { answer, broken, type Post, RECEIVER, submitted, type World } from "../../support/world.ts";
import { ACCOUNT_URL, hook, submissionsOf, tokenUrl } from "../gateway/tools.ts";
import { checkEnd, checkStep, type Life } from "./rules.ts";
import type { Fate, Outcome, PollAnswer, Step } from "./steps.ts";

export const ENDPOINT = "https://endpoint.example.com/";
const HUNDRED_HOURS = 360_000_000;
const MOST_JOBS = 3;

const SENT: Partial<Record<Outcome, HttpAnswer>> = {
	"429": answer(429, { "retry-after": "20" }),
	"503": answer(503),
	"not connected": broken("connect_failed", true),
	"401": answer(401),
	refused: answer(422, {}, '{"message":"The prompt field is too long."}'),
	"lost on its way": broken("connection_lost", false),
};
const SPOILT: Partial<Record<Outcome, HttpAnswer>> = {
	"500": answer(500),
	timeout: broken("timeout", false),
	"no id": answer(200, {}, "{}"),
};
const POLLED: Record<Exclude<PollAnswer, "well">, HttpAnswer> = {
	"500": answer(500),
	"404": answer(404),
	timeout: broken("timeout", false),
	"429": answer(429, { "retry-after": "90" }),
	nonsense: answer(200, {}, '{"data":{"status":"dreaming"}}'),
};

/**
 * Plays lives in one world, one after the other: at the end of each nothing of it is left over. `turn` lets what is ready
 * run; hooks are held, so a few turns are enough.
 */
export function player(world: World, turn: () => Promise<void>) {
	const breathe = async (turns = 3): Promise<void> => {
		for (let i = 0; i < turns; i++) await turn();
	};
	let outcome: Outcome = "accepted";
	let polled: PollAnswer = "well";
	let slow: (() => void)[] = [];
	let life: Life;
	const real = world.deps.http;
	world.holdHooks(true);
	world.deps.http = async (request) => {
		if (request.url.includes("/request-status/")) return polled === "well" ? real(request) : POLLED[polled];
		if (!request.url.includes("/txt2img")) return real(request);
		const now = outcome;
		const { webhook_url } = JSON.parse(String(request.body)) as { webhook_url: string };
		const submission = submissionOfToken(world.deps.secrets, webhook_url.slice(ACCOUNT_URL.length + 1));
		life.sends.push({ submission: submission!, outcome: now });
		const told = SENT[now] ?? (await real(request));
		if (now === "slow") await new Promise<void>((resolve) => slow.push(resolve));
		if (now === "crash") return new Promise<never>(() => {}); // the process died with the answer in its hands
		return SPOILT[now] ?? told;
	};

	async function send(next: Outcome): Promise<void> {
		outcome = next;
		const running = world.run();
		await (next === "slow" || next === "crash" ? breathe(6) : running);
		outcome = "accepted";
		if (next === "slow") life.running.push(running);
	}

	async function arrive(post: Post, fate: Fate, pick: number): Promise<void> {
		const {
			data,
			event,
			delivery_id: deliveryId,
		} = JSON.parse(post.body) as {
			data: { job_request_id: string };
			event: string;
			delivery_id: string;
		};
		// signed anew for this attempt, as the provider does; what it says and its id stay
		const wish = { url: post.url, providerJob: data.job_request_id, event, deliveryId, data };
		const elsewhere = life.jobs[pick % life.jobs.length]!;
		const made: Record<Fate, () => Post> = {
			arrives: () => hook(world, wish),
			"three copies": () => hook(world, wish),
			forged: () => hook(world, { ...wish, sign: "wrong" }),
			unsigned: () => hook(world, { ...wish, sign: "none" }),
			"too old": () => hook(world, { ...wish, signedAt: world.now() - 400_000 }),
			"at the account": () => hook(world, { ...wish, url: ACCOUNT_URL }),
			"at another job": () => hook(world, { ...wish, url: life.urls.get(elsewhere) ?? ACCOUNT_URL }),
		};
		const one = made[fate]();
		const copies = fate === "three copies" ? [one, one, one] : [one];
		const answers = await Promise.all(copies.map(world.postHook));
		const authentic = !["forged", "unsigned", "too old"].includes(fate);
		for (const { status } of answers) life.answers.push({ authentic, status });
		if (authentic) life.delivered.add(deliveryId);
	}

	async function contradict(pick: number, event: string): Promise<void> {
		const post = world.held[pick % Math.max(1, world.held.length)];
		if (post === undefined) return;
		const { data } = JSON.parse(post.body) as { data: { job_request_id: string } };
		const deliveryId = crypto.randomUUID();
		const { status } = await world.postHook(hook(world, { url: post.url, providerJob: data.job_request_id, event, deliveryId }));
		life.answers.push({ authentic: true, status });
		life.delivered.add(deliveryId);
	}

	/** What a client asks for a job: done, or refused because it is too late or not possible. */
	async function order(pick: number, what: string, body?: { action: string; provider_job_id?: string }): Promise<void> {
		const job = life.jobs[pick % life.jobs.length]!;
		const init = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
		const { status } = await world.request(`/v1/jobs/${job}/${what}`, { method: "POST", ...init });
		life.orders.push({ what: body?.action ?? "cancel", status });
		if (status === 200 && body?.action === "resubmit") life.resubmitted.add(job);
	}

	async function take(step: Step): Promise<void> {
		switch (step.do) {
			case "submit": {
				if (life.jobs.length === MOST_JOBS) return;
				const callback = { none: { webhook_url: undefined }, own: { webhook_url: RECEIVER }, "endpoint's": { webhook_url: ENDPOINT } };
				const job = await submitted(world, callback[step.callback]);
				life.jobs.push(job);
				life.urls.set(job, tokenUrl(world, (await submissionsOf(world, job))[0]!.id));
				life.targets.set(job, step.callback === "own" ? 2 : 1);
				return;
			}
			case "send":
				return send(step.outcome);
			case "answer":
				slow.shift()?.();
				return breathe();
			case "hook": {
				const post = world.held[step.pick % Math.max(1, world.held.length)];
				return post && arrive(post, step.fate, step.pick);
			}
			case "contradict":
				return contradict(step.pick, step.event);
			case "poll":
				polled = step.answer;
				await world.pass(step.ms);
				polled = "well";
				return;
			case "time":
				return world.pass(step.ms);
			case "crash":
				if (step.claimed) await world.claimAndDie();
				return world.restart();
			case "cancel":
				return order(step.pick, `cancel?forget=${step.forget}`);
			case "resolve": {
				const { action, pick } = step;
				const post = world.held[pick % Math.max(1, world.held.length)];
				const id = post === undefined ? "p-0" : (JSON.parse(post.body) as { data: { job_request_id: string } }).data.job_request_id;
				return order(pick, "resolve", action === "attach" ? { action, provider_job_id: id } : { action });
			}
			case "receiver":
				world.onCallback(() => answer(step.status));
		}
	}

	/** Everything heals, every slow answer comes in, and a hundred hours pass in which polls are answered. */
	async function heal(): Promise<void> {
		world.onCallback(() => answer(200));
		for (const release of slow.splice(0)) release();
		await Promise.all(life.running);
		await world.pass(HUNDRED_HOURS);
	}

	return async (steps: Step[]): Promise<void> => {
		for (const list of [world.lines, world.callbacks, world.held]) list.length = 0;
		life = {
			...{ jobs: [], urls: new Map(), targets: new Map(), sends: [], answers: [], delivered: new Set(), running: [], ended: new Map() },
			...{ orders: [], resubmitted: new Set() },
		};
		slow = [];
		try {
			for (const step of steps) {
				await take(step);
				await checkStep(world, life);
			}
		} finally {
			await heal();
		}
		await checkEnd(world, life);
	};
}
