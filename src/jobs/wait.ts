import type { Deps } from "../deps.ts";
import { isTerminal } from "./job.ts";
import { stateOfJob } from "./sql/read.ts";

/** A job may end in another process, so whoever waits looks now and then, too. */
const LOOK_EVERY_MS = 1000;

/** Who waits in this process. Job ids are unique, so one table serves every service in it. */
const waiting = new Map<string, Set<(why: "ended" | "stopping") => void>>();

/** The job's end is committed. */
export function tellEnd(jobId: string): void {
	for (const ring of waiting.get(jobId) ?? []) ring("ended");
}

/** The service stops: whoever waits is answered with the job as it is, before the connections close. */
export function sendWaitersHome(): void {
	for (const bells of waiting.values()) for (const ring of bells) ring("stopping");
}

/** Resolves when the job has ended or is gone, when the time is up, or when nobody listens any more. */
export async function waitForEnd(
	{ db, clock }: Pick<Deps, "db" | "clock">,
	appId: string,
	jobId: string,
	ms: number,
	gone: AbortSignal,
): Promise<void> {
	const until = clock.now() + ms;
	const bell = bellFor(jobId, gone);
	try {
		while (!gone.aborted) {
			const [row] = await db.read(stateOfJob.bind({ app: appId, job: jobId }));
			const left = until - clock.now();
			if (row === undefined || isTerminal(row.state) || left <= 0) return;
			if ((await bell.within(Math.min(left, LOOK_EVERY_MS))) === "stopping") return;
		}
	} finally {
		bell.remove();
	}
}

/** Rings at the end of the job, and when nobody listens any more. */
function bellFor(jobId: string, gone: AbortSignal) {
	let ring: (why: "ended" | "stopping") => void = () => {};
	const rung = new Promise<"ended" | "stopping">((resolve) => {
		ring = resolve;
	});
	const leave = () => ring("stopping");
	const bells = waiting.get(jobId) ?? new Set();
	waiting.set(jobId, bells.add(ring));
	gone.addEventListener("abort", leave);
	return {
		/** Resolves when it rings, or after so long. */
		async within(ms: number): Promise<"ended" | "stopping" | "late"> {
			let timer: ReturnType<typeof setTimeout> | undefined;
			const late = new Promise<"late">((resolve) => {
				timer = setTimeout(() => resolve("late"), ms);
			});
			const why = await Promise.race([rung, late]);
			clearTimeout(timer);
			return why;
		},
		remove(): void {
			gone.removeEventListener("abort", leave);
			bells.delete(ring);
			if (bells.size === 0 && waiting.get(jobId) === bells) waiting.delete(jobId);
		},
	};
}
