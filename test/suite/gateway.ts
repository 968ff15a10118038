import type { Db } from "../../src/db/db.ts";
import { astray } from "./gateway/astray.ts";
import { blobs } from "./gateway/blobs.ts";
import { decart } from "./gateway/decart.ts";
import { decartContent } from "./gateway/decart-content.ts";
import { deliver } from "./gateway/deliver.ts";
import { dispatch } from "./gateway/dispatch.ts";
import { early } from "./gateway/early.ts";
import { endpointHeaders } from "./gateway/endpoint-headers.ts";
import { endpointRules } from "./gateway/endpoint-rules.ts";
import { fairness } from "./gateway/fairness.ts";
import { fanout } from "./gateway/fanout.ts";
import { fetch } from "./gateway/fetch.ts";
import { files } from "./gateway/files.ts";
import { hooks } from "./gateway/hooks.ts";
import { http } from "./gateway/http.ts";
import { inputs } from "./gateway/inputs.ts";
import { jobs } from "./gateway/jobs.ts";
import { keepResults } from "./gateway/keep-results.ts";
import { lost } from "./gateway/lost.ts";
import { models } from "./gateway/models.ts";
import { notices } from "./gateway/notices.ts";
import { pace } from "./gateway/pace.ts";
import { path } from "./gateway/path.ts";
import { poll } from "./gateway/poll.ts";
import { quiet } from "./gateway/quiet.ts";
import { race } from "./gateway/race.ts";
import { receiverChanges } from "./gateway/receiver-changes.ts";
import { recoveries } from "./gateway/recover.ts";
import { refused } from "./gateway/refused.ts";
import { rotation } from "./gateway/rotation.ts";
import { trouble } from "./gateway/trouble.ts";
import { types } from "./gateway/types.ts";
import { unknown } from "./gateway/unknown.ts";

const PARTS = {
	sends: [path, dispatch, trouble, unknown, types, fetch, blobs],
	news: [hooks, early, astray, refused, poll, lost, race],
	doors: [jobs, models, http],
	callbacks: [fanout, deliver, fairness],
	receivers: [rotation, endpointHeaders, recoveries, notices, endpointRules, receiverChanges, quiet],
	decart: [decart, decartContent, files, inputs, pace, keepResults],
} satisfies Record<string, ((open: () => Promise<Db>) => void)[]>;
type Part = keyof typeof PARTS;

/** What the service promises at its doors, for any engine; one that is slow may run the parts in files of their own. */
export function gatewaySuite(open: () => Promise<Db>, parts = Object.keys(PARTS) as Part[]): void {
	for (const part of parts) for (const promises of PARTS[part]) promises(open);
}
