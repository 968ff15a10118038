import type { Clock } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { remember } from "../log.ts";
import type { Schedule } from "../timers.ts";
import type { Work } from "./inputs.ts";
import type { Knobs } from "./knobs.ts";

/** In a prompt: this job is to fail. */
export const failMarker = "[fail]";

export interface Job {
	id: string;
	/** The permanent key it belongs to. */
	account: string;
	work: Work;
	status: "pending" | "processing" | "completed" | "failed";
}

export interface Jobs {
	submit(account: string, work: Work): Job;
	/** Null = there is none, or none of this account. */
	get(account: string, id: string): Job | null;
	/** Whether this work was asked to fail; uses the knob up. */
	fails(work: Work): boolean;
}

export interface JobOptions {
	clock: Clock;
	schedule: Schedule;
	knobs: Knobs;
	timeFactor: number;
}

const kept = 50_000;
const never = Number.POSITIVE_INFINITY;

export function createJobs({ clock, schedule, knobs, timeFactor }: JobOptions): Jobs {
	const jobs = new Map<string, Job>();
	const ended = (job: Job) => job.status === "completed" || job.status === "failed";
	const fails = (work: Work): boolean => knobs.takeFailure() || work.prompt.includes(failMarker);

	return {
		submit(account, work) {
			const job: Job = { id: nonce(), account, work, status: "pending" };
			const { pendingMs, deadlineMs } = knobs.now.jobs;
			const endsAt = deadlineMs === null ? never : clock.now() + deadlineMs * timeFactor;
			const last = fails(work) ? "failed" : "completed";
			remember(jobs, job.id, job, kept, ended);

			/** The next status after so long, or `failed` where the deadline comes first. */
			function move(ms: number, status: Job["status"], then = () => {}): void {
				const left = Math.max(0, endsAt - clock.now());
				if (ms === never && left === never) return;
				schedule.after(Math.min(ms, left), () => {
					job.status = ms <= left ? status : "failed";
					if (ms <= left) then();
				});
			}
			move(pendingMs * timeFactor, "processing", () => {
				const { stuck, processingMs } = knobs.now.jobs;
				move(stuck ? never : processingMs * timeFactor, last);
			});
			return job;
		},
		fails,
		get(account, id) {
			const job = jobs.get(id);
			return job?.account === account ? job : null;
		},
	};
}
