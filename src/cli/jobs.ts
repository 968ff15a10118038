import { type Command, Option } from "commander";
import { parseId } from "../core/ids.ts";
import { listed } from "../http/list.ts";
import { JOB_TYPES, JobState } from "../http/schemas/jobs.ts";
import { type JobFilters, listJobs } from "../jobs/list.ts";
import { readJob } from "../jobs/read.ts";
import { readTimeline } from "../jobs/timeline.ts";
import { Refused } from "../node/refused.ts";
import { group, type Json, leaf, ofApp, type Paged, paged, pageFrom } from "./command.ts";
import { appNamed, type Ports, withDatabase } from "./open.ts";
import { card, listText, table, tell } from "./print.ts";

type OfApp = Json & { app: string };

export function addJobs(program: Command): void {
	const jobs = group(program, "jobs", "what was asked for, and how it went");
	paged(ofApp(leaf(jobs, "list", "jobs of an app, newest first")))
		.addOption(new Option("--state <state>", "only these").choices(JobState.options))
		.addOption(new Option("--type <type>", "only these").choices(JOB_TYPES))
		.action(async ({ state, type, ...options }: OfApp & Paged & JobFilters) => {
			const page = pageFrom("job", options);
			const rows = await withDatabase(async (ports) => listJobs(ports, await appNamed(ports, options.app), { state, type }, page));
			const list = listed(rows, page);
			tell(options, list, () => listText(list, ["id", "state", "provider", "type", "model", "created_at", "ended_at"]));
		});
	ofApp(leaf(jobs, "show", "one job"))
		.argument("<id>", "job_…")
		.action(async (id: string, options: OfApp) => {
			const job = await ofJob(id, options, readJob);
			tell(options, job, () => card(job));
		});
	ofApp(leaf(jobs, "timeline", "everything that happened to a job, oldest first, with reason and next time"))
		.argument("<id>", "job_…")
		.action(async (id: string, options: OfApp) => {
			const data = await ofJob(id, options, readTimeline);
			tell(options, { data, next_cursor: null }, () => table(data, ["at", "kind", "what", "n", "reason", "status", "next_at", "id"]));
		});
}

async function ofJob<T>(text: string, { app }: OfApp, read: (ports: Ports, app: string, job: string) => Promise<T | null>): Promise<T> {
	const found = await withDatabase(async (ports) => {
		const appId = await appNamed(ports, app);
		const id = parseId("job", text);
		return id === null ? null : read(ports, appId, id);
	});
	if (found === null) throw new Refused(`the app ${app} has no job ${text}`);
	return found;
}
