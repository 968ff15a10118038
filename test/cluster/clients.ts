import { setTimeout as sleep } from "node:timers/promises";
import { API_KEY, JOB } from "../support/launch.ts";

export interface Load {
	jobs: number;
	atOnce: number;
	/** Where to submit, and where the callbacks go. */
	url: string;
	webhookUrl: string;
	/** How many may have been begun by now. */
	allowed: () => number;
	stopped: AbortSignal;
}

export interface Submitted {
	/** The job of each key that was answered 202. */
	accepted: Map<string, string>;
	/** Answers that were no 202, by status; 0: there was none. */
	refused: Map<number, number>;
	done: Promise<unknown>;
}

const PATIENCE_MS = 2000;
const PAUSE_MS = 50;

/** Each job under its own key, again and again until it is a 202. */
export function submitAll({ jobs, atOnce, url, webhookUrl, allowed, stopped }: Load): Submitted {
	const accepted = new Map<string, string>();
	const refused = new Map<number, number>();
	let next = 0;
	const one = async () => {
		for (let i = next++; i < jobs; i = next++) {
			const key = `cluster-${i}`;
			while (i >= allowed() && !stopped.aborted) await sleep(PAUSE_MS);
			for (;;) {
				stopped.throwIfAborted();
				const { status, id } = await submit(url, key, webhookUrl);
				if (id !== null) {
					accepted.set(key, id);
					break;
				}
				if (status >= 400 && status < 500) throw new Error(`a submit was answered ${status}`);
				refused.set(status, (refused.get(status) ?? 0) + 1);
				await sleep(PAUSE_MS);
			}
		}
	};
	const done = Promise.all(Array.from({ length: atOnce }, one));
	done.catch(() => {}); // whoever awaits it is told
	return { accepted, refused, done };
}

async function submit(url: string, key: string, webhookUrl: string): Promise<{ status: number; id: string | null }> {
	try {
		const answer = await fetch(`${url}/v1/jobs`, {
			method: "POST",
			headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json", "idempotency-key": key },
			body: JSON.stringify({ ...JOB, webhook_url: webhookUrl }),
			signal: AbortSignal.timeout(PATIENCE_MS),
		});
		const said = await answer.text();
		return { status: answer.status, id: answer.status === 202 ? (JSON.parse(said) as { id: string }).id : null };
	} catch {
		return { status: 0, id: null };
	}
}
