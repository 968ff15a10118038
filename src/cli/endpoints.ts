import { setTimeout as wait } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import { parseId } from "../core/ids.ts";
import { isoTime, listed } from "../http/list.ts";
import { Refused } from "../node/refused.ts";
import { listEndpoints } from "../outbound/endpoint/read.ts";
import { countRecoverable, type RecoveryView, rangeOf, readRecovery, recoverEndpoint } from "../outbound/recover/recover.ts";
import { group, type Json, leaf, ofApp, type Paged, paged, pageFrom, wrongUsage } from "./command.ts";
import { appNamed, type Ports, withDatabase } from "./open.ts";
import { card, listText, tell } from "./print.ts";
import { follow } from "./progress.ts";

type OfApp = Json & { app: string };
type Wish = OfApp & { since: number; until?: number; dryRun?: boolean };

export function addEndpoints(program: Command): void {
	const endpoints = group(program, "endpoints", "who is told of everything of their types");
	paged(ofApp(leaf(endpoints, "list", "endpoints of an app, newest first"))).action(async (options: OfApp & Paged) => {
		const page = pageFrom("ep", options);
		const list = listed(await withDatabase(async (ports) => listEndpoints(ports, await appNamed(ports, options.app), page)), page);
		tell(options, list, () =>
			listText(list, ["id", "state", "reason", "failing_since", "paused_until", "pause_reason", "event_types", "url"]),
		);
	});

	ofApp(leaf(endpoints, "recover", "make due again what has not arrived of a time range; the running service sends it"))
		.argument("<id>", "ep_…")
		.requiredOption("--since <time>", "of what was made at this time or later, ISO-8601", time)
		.option("--until <time>", "and before this one; without it, before now", time)
		.option("--dry-run", "count only")
		.action((text: string, options: Wish) => withDatabase((ports) => recover(ports, text, options)));
}

async function recover(ports: Ports, text: string, options: Wish): Promise<void> {
	const app = await appNamed(ports, options.app);
	const id = parseId("ep", text);
	const range = rangeOf(options, ports.clock.now());
	if (range === null) throw wrongUsage("--since must be in the past, and before --until");
	const none = new Refused(`the app ${options.app} has no endpoint ${text}`);
	if (options.dryRun) {
		const count = id === null ? null : await countRecoverable(ports, app, id, range);
		if (count === null) throw none;
		return tell(options, count, () => card(count));
	}
	const recovery = id === null ? null : await recoverEndpoint(ports, app, id, range);
	if (recovery === null) throw none;
	const ended = await watched(ports, app, recovery);
	if (ended.state === "running")
		console.error(
			`${ended.id} goes on in the running service; GET /v1/endpoints/${ended.endpoint}/recoveries/${ended.id} shows how far it is`,
		);
	tell(options, ended, () => card(ended));
}

async function watched(ports: Ports, app: string, { endpoint, id }: RecoveryView): Promise<RecoveryView> {
	const stop = new AbortController();
	const interrupt = () => stop.abort();
	process.once("SIGINT", interrupt);
	try {
		return await follow({
			read: async () => {
				const recovery = await readRecovery(ports, app, endpoint, id);
				if (recovery === null) throw new Refused(`${id} is gone`);
				return recovery;
			},
			now: () => performance.now(),
			wait: (ms) => wait(ms, undefined, { signal: stop.signal }).catch(() => {}),
			brokenOff: () => stop.signal.aborted,
			write: (line) => process.stderr.write(line),
			redraws: process.stderr.isTTY === true,
		});
	} finally {
		process.removeListener("SIGINT", interrupt);
	}
}

function time(text: string): number {
	const parsed = isoTime().safeParse(text);
	if (!parsed.success) throw new InvalidArgumentError("A time, like 2026-01-15T10:30:45Z.");
	return parsed.data;
}
