import type { Db } from "../../src/db/db.ts";
import { astray } from "./gateway/astray.ts";
import { deliver } from "./gateway/deliver.ts";
import { dispatch } from "./gateway/dispatch.ts";
import { early } from "./gateway/early.ts";
import { fanout } from "./gateway/fanout.ts";
import { fetch } from "./gateway/fetch.ts";
import { hooks } from "./gateway/hooks.ts";
import { http } from "./gateway/http.ts";
import { jobs } from "./gateway/jobs.ts";
import { lost } from "./gateway/lost.ts";
import { models } from "./gateway/models.ts";
import { path } from "./gateway/path.ts";
import { poll } from "./gateway/poll.ts";
import { race } from "./gateway/race.ts";
import { refused } from "./gateway/refused.ts";
import { trouble } from "./gateway/trouble.ts";
import { types } from "./gateway/types.ts";
import { unknown } from "./gateway/unknown.ts";

/** What the service promises at its doors, for any engine. */
export function gatewaySuite(open: () => Promise<Db>): void {
	path(open);
	hooks(open);
	early(open);
	astray(open);
	refused(open);
	dispatch(open);
	trouble(open);
	unknown(open);
	poll(open);
	lost(open);
	fanout(open);
	race(open);
	types(open);
	fetch(open);
	jobs(open);
	models(open);
	deliver(open);
	http(open);
}
