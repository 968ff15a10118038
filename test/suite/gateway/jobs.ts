import type { Db } from "../../../src/db/db.ts";
import { cancels } from "./jobs-cancel.ts";
import { jobList } from "./jobs-list.ts";
import { resolves } from "./jobs-resolve.ts";
import { waits } from "./jobs-wait.ts";

/** What is done to jobs, and how they are read. */
export function jobs(open: () => Promise<Db>): void {
	jobList(open);
	cancels(open);
	resolves(open);
	waits(open);
}
