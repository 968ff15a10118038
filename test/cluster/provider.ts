import { startSandbox } from "../../src/node/sandbox.ts";
import { HOOK_SECRET, JOB } from "../support/launch.ts";

const START_BALANCE = 1e9;
const KEY = "sandbox-key";
/** Its webhooks are given up as fast as a client's patience ends, and tried again from 0.6 s on. */
const TIMES = { timeFactor: 0.01, hookDeadlineMs: 2000 };

/** The sandbox, and what it was asked for: each job it makes posts signed webhooks to the address of one submission. */
export async function startProvider() {
	const sandbox = await startSandbox({
		...TIMES,
		port: 0,
		apiKeys: [KEY],
		webhookSecret: HOOK_SECRET,
		webhookUrl: null,
		knobs: { balance: START_BALANCE, rateLimit: null, hooks: { autoDisableAfter: null } },
	});
	const env = { DEAPI_BASE_URL: sandbox.url, DEAPI_API_KEY: KEY, DEAPI_WEBHOOK_SECRET: HOOK_SECRET };
	/** The provider's jobs by submission. */
	const jobsOf = new Map<string, Set<string>>();
	const watch = (path: string, body: string) => {
		const token = /^\/hooks\/deapi\/([\w-]+)$/.exec(path)?.[1];
		if (token === undefined) return;
		const submission = `sub_${Buffer.from(token, "base64url").subarray(0, 16).toString("hex")}`;
		const { data } = JSON.parse(body) as { data: { job_request_id: string } };
		jobsOf.set(submission, (jobsOf.get(submission) ?? new Set()).add(data.job_request_id));
	};
	/** The balance tells how many jobs it was asked for, whatever became of the answers. */
	async function made(): Promise<number> {
		const knobs = (await (await fetch(`${sandbox.url}/_sandbox/knobs`)).json()) as { balance: number };
		return Math.round((START_BALANCE - knobs.balance) / (await price()));
	}
	let known: Promise<number> | undefined;
	const price = () => {
		known ??= readPrice(sandbox.url);
		return known;
	};
	const set = (knobs: object) => fetch(`${sandbox.url}/_sandbox/knobs`, { method: "PATCH", body: JSON.stringify(knobs) });
	/** It takes jobs and answers after `answerMs`; their webhooks come after `hookMs`. Returns how to end it. */
	const stall = async ({ answerMs, hookMs }: { answerMs: number; hookMs: number }) => {
		const call = { call: "txt2img", times: 100_000, createFirst: true, hangMs: answerMs };
		await set({ calls: [call], hooks: { delayMs: hookMs } });
		return () => set({ calls: [], hooks: { delayMs: 0 } });
	};
	return { env, stall, jobsOf, watch, made, close: sandbox.close };
}
export type Provider = Awaited<ReturnType<typeof startProvider>>;

async function readPrice(url: string): Promise<number> {
	const priced = await fetch(`${url}/api/v1/client/txt2img/price-calculation`, {
		method: "POST",
		headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
		body: JSON.stringify({ ...JOB.input, model: JOB.model, seed: -1 }),
	});
	return ((await priced.json()) as { data: { price: number } }).data.price;
}
