import { type Clock, iso } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { remember } from "../log.ts";
import type { Schedule } from "../timers.ts";
import type { Hooks } from "./hooks.ts";
import type { Work } from "./job-type.ts";
import type { Knobs } from "./knobs.ts";
import type { ResultLinks } from "./results.ts";

export interface JobOptions {
	clock: Clock;
	schedule: Schedule;
	hooks: Hooks;
	knobs: Knobs;
	links: ResultLinks;
	timeFactor: number;
	/** Where hooks of a job without its own webhook_url go; null = nowhere. */
	webhookUrl: string | null;
}

export interface Job {
	id: string;
	work: Work;
	status: "pending" | "processing" | "done" | "error";
	startedAt: number;
	processingMs: number;
	failure: { code: string; message: string } | null;
}

/** The body of request-status, key for key. */
export interface JobStatus {
	status: Job["status"];
	preview: null;
	result_url: string | null;
	results_alt_formats: null;
	/** Text, of jobs that were asked to answer so. */
	result: string | null;
	/** 0–100. */
	progress: number;
}

export interface Jobs {
	/** Null when the balance does not cover it. */
	submit(work: Work): Job | null;
	get(id: string): Job | null;
	status(job: Job): JobStatus;
}

const kept = 50_000;
/** deAPI starts nothing below this balance, USD. */
const minimumBalance = 0.49;

export function createJobs({ clock, schedule, hooks, knobs, links, timeFactor, webhookUrl }: JobOptions): Jobs {
	const jobs = new Map<string, Job>();
	const ended = (job: Job) => job.status === "done" || job.status === "error";

	function tell(
		job: Job,
		event: "job.processing" | "job.completed" | "job.failed",
		previous: Job["status"],
		data: Record<string, unknown>,
	) {
		const { webhookUrl: own, jobType: job_type } = job.work;
		const url = own ?? webhookUrl;
		if (url === null) return;
		hooks.emit(url, event, job.id, { job_request_id: job.id, status: job.status, previous_status: previous, job_type, ...data });
	}

	function begin(job: Job): void {
		job.status = "processing";
		job.startedAt = clock.now();
		job.processingMs = knobs.now.jobs.processingMs * timeFactor;
		tell(job, "job.processing", "pending", { started_at: iso(job.startedAt) });
		schedule.after(job.processingMs, () => end(job));
	}

	function end(job: Job): void {
		const at = iso(clock.now());
		if (job.failure !== null) {
			job.status = "error";
			setBalance(knobs.now.balance + job.work.cost);
			const { code, message } = job.failure;
			tell(job, "job.failed", "processing", { failed_at: at, error_code: code, error_message: message });
			return;
		}
		job.status = "done";
		const processing_time_ms = Math.round(clock.now() - job.startedAt);
		tell(job, "job.completed", "processing", { completed_at: at, result_url: link(job), processing_time_ms });
	}

	/** Micro-dollars are enough, and keep 0.1 + 0.2 out of the answer. */
	function setBalance(usd: number): void {
		knobs.now.balance = Math.round(usd * 1e6) / 1e6;
	}

	const link = (job: Job): string => links.url(job.id, job.work.result.extension);

	function progress(job: Job): number {
		if (job.status === "done") return 100;
		if (job.status !== "processing") return 0;
		const share = (clock.now() - job.startedAt) / job.processingMs;
		return Math.min(99, Math.max(0, Math.round(share * 10_000) / 100)) || 0;
	}

	return {
		submit(work) {
			const { cost } = work;
			if (knobs.now.balance < Math.max(cost, minimumBalance)) return null;
			setBalance(knobs.now.balance - cost);
			const { errorCode: code, errorMessage: message } = knobs.now.jobs;
			const failure = knobs.takeFailure() ? { code, message } : null;
			const job: Job = { id: nonce(), work, status: "pending", startedAt: 0, processingMs: 0, failure };
			remember(jobs, job.id, job, kept, ended);
			schedule.after(knobs.now.jobs.pendingMs * timeFactor, () => begin(job));
			return job;
		},
		get: (id) => jobs.get(id) ?? null,
		status: (job) => ({
			status: job.status,
			preview: null,
			result_url: job.status === "done" ? link(job) : null,
			results_alt_formats: null,
			result: job.status === "done" ? (job.work.result.inline?.() ?? null) : null,
			progress: progress(job),
		}),
	};
}
