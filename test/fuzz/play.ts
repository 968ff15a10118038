import fc from "fast-check";
import { Sweep } from "../../src/sweep.ts";
import { answer } from "../support/world.ts";
import { operationAt, type Service } from "./document.ts";
import { type HookWish, hookWishes } from "./hooks.ts";
import { OWNERS, ownerless } from "./owners.ts";
import { playHook } from "./play-hook.ts";
import { CALLERS, type CallerName, type RequestWish, requests, TENANTS, WILD } from "./requests.ts";
import { checkAnswer, checkTenants, checkTouches, checkTwins } from "./rules.ts";
import { asCurl, ask, count, Finding, filled, type Sent } from "./send.ts";
import { openStage, type Stage } from "./stage.ts";

export type Step =
	| RequestWish
	| HookWish
	| { do: "together"; these: RequestWish[] }
	| { do: "time"; ms: number; retain: boolean }
	| { do: "receivers"; status: number };

export interface Line {
	/** Requests and hooks that were sent. */
	inputs: number;
	/** `POST /v1/jobs 202` → how often. */
	met: Map<string, number>;
	/** What rows lack → how many lacked it at the ends of all lives. */
	ownerless: Record<string, number>;
	/** The latest requests, as lines that can be read. */
	trace: string[];
}
export const newLine = (): Line => ({ inputs: 0, met: new Map(), ownerless: {}, trace: [] });

/** Longer than a world needs to go stale, and short enough to be set up anew for each. */
const MOST_STEPS = 240;

const LONG_MS = 61_000;

export function lives(service: Service, only: "routes" | "hooks" | "tenants" | "all"): fc.Arbitrary<Step[]> {
	const wild = requests(service, WILD);
	const weights = { routes: [30, 0, 0], hooks: [0, 30, 0], tenants: [0, 0, 30], all: [18, 8, 10] }[only] as [number, number, number];
	const time = fc.record({
		do: fc.constant("time" as const),
		ms: fc.oneof(
			{ weight: 6, arbitrary: fc.constantFrom(0, 1000, 20_000, 61_000) },
			{ weight: 1, arbitrary: fc.constantFrom(3_600_000, 100_000_000, 3_000_000_000) },
		),
		retain: fc.boolean(),
	});
	const step = fc.oneof<{ weight: number; arbitrary: fc.Arbitrary<Step> }[]>(
		{ weight: weights[0], arbitrary: wild },
		{ weight: weights[1], arbitrary: hookWishes },
		{ weight: weights[2], arbitrary: requests(service, TENANTS) },
		{ weight: 1, arbitrary: fc.record({ do: fc.constant("together" as const), these: fc.array(wild, { minLength: 1, maxLength: 4 }) }) },
		{ weight: 1, arbitrary: time },
		{ weight: 1, arbitrary: fc.record({ do: fc.constant("receivers" as const), status: fc.constantFrom(200, 200, 410, 429, 500, 302) }) },
	);
	return fc.array(step, { minLength: 1, maxLength: MOST_STEPS, size: "max" });
}

/** Plays the steps in a world of their own; throws a `Finding` where a rule is broken. */
export async function play(service: Service, steps: readonly Step[], line: Line): Promise<void> {
	const stage = await openStage();
	try {
		for (const step of steps) {
			await take(service, stage, step, line);
			checkLines(stage);
		}
		checkOwners(stage, line);
	} finally {
		await stage.close();
	}
}

async function take(service: Service, stage: Stage, step: Step, line: Line): Promise<void> {
	const trace = (sent: Sent) => {
		line.inputs++;
		line.trace.push(asCurl(sent));
		if (line.trace.length > 400) line.trace.shift();
	};
	switch (step.do) {
		case "request":
			return playRequest(service, stage, step, line, trace);
		case "hook":
			return playHook(stage, step, (url) => operationAt(service.operations, "POST", new URL(url).pathname), trace, line.met);
		case "together":
			await Promise.all(step.these.map((wish) => one(service, stage, filled(stage, wish), line, trace)));
			stage.rows.look();
			return;
		case "time":
			line.trace.push(`# ${step.ms} ms pass${step.retain ? ", and what is old goes" : ""}`);
			if (step.ms > LONG_MS) stage.world.jump(step.ms - LONG_MS); // as if nobody was there for all that time
			await stage.world.pass(Math.min(step.ms, LONG_MS));
			if (step.retain) await new Sweep(stage.world.deps).retain();
			await stage.world.settle(); // a provider's hook may still be on its way
			stage.rows.look();
			return;
		case "receivers":
			line.trace.push(`# receivers answer ${step.status} from here on`);
			stage.world.onCallback(({ url }) => answer(url.includes("fails.") ? 500 : step.status, { "retry-after": "30" }));
	}
}

async function playRequest(service: Service, stage: Stage, wish: RequestWish, line: Line, trace: (sent: Sent) => void): Promise<void> {
	const sent = filled(stage, wish);
	const foreign = sent.foreign.length > 0 && sent.foreign.every(({ wish: { kind } }) => kind !== "provider job");
	stage.rows.look();
	const first = await one(service, stage, sent, line, trace, true);
	if (first === null || !wish.twin || !foreign || isSpoilt(wish)) return;
	const twin = filled(stage, wish, true);
	const second = await one(service, stage, twin, line, trace, true);
	const cursors = wish.query.some(([, word]) => "cursor" in word || "link" in word);
	if (second !== null) checkTwins(first, second, first.status >= 400 || (wish.method === "GET" && !cursors));
}

/** What is cut or bent in one place may be valid with one id, and not with another. A result's link is anybody's. */
function isSpoilt({ body, query, path }: RequestWish): boolean {
	const spoils = query.map(([, word]) => ("spoil" in word ? word.spoil : null));
	if (body !== null && !("bytes" in body)) spoils.push("form" in body ? body.form.spoil : body.spoil);
	return path.startsWith("/results/") || spoils.some((spoil) => spoil !== null && spoil.how !== "not");
}

async function one(service: Service, stage: Stage, sent: Sent, line: Line, trace: (sent: Sent) => void, alone = false) {
	trace(sent);
	const operation = operationAt(service.operations, sent.method, new URL(sent.url).pathname);
	const answer = await ask(stage, sent);
	if (answer === null) return null;
	count(line.met, `${operation?.name ?? `${sent.method} elsewhere`} ${answer.status}`);
	checkAnswer(stage, sent, operation, answer);
	if (alone) checkTouches(stage, sent, operation, answer.status, stage.rows.look());
	checkTenants(stage, sent, operation, answer);
	if (operation?.name === "DELETE /v1/keys/{id}" && answer.status === 200) await renew(stage);
	return answer;
}

/** Keys that were revoked would let nobody in for the rest of the life. */
async function renew(stage: Stage): Promise<void> {
	const gone = stage.db.prepare("SELECT name FROM keys WHERE revoked_at IS NOT NULL").pluck().all() as string[];
	for (const name of CALLERS) if (gone.includes(name)) await stage.keyFor(name as CallerName);
	stage.rows.look();
}

/** What broke on our side is in the log as an error, whatever was answered. Secrets are in none of its lines. */
function checkLines(stage: Stage): void {
	const { lines, callbacks, held } = stage.world;
	const error = lines.find(({ level }) => level === "error");
	const said = JSON.stringify(lines);
	for (const list of [lines, callbacks, held]) list.length = 0;
	const leaked = stage.secrets().find((secret) => said.includes(secret));
	if (leaked !== undefined) throw new Finding(`the log shows the secret ${leaked.slice(0, 12)}…`);
	if (error === undefined) return;
	const { err } = error.fields as { err?: Error };
	throw new Finding(`an error in the log: ${error.what} ${JSON.stringify({ ...error.fields, err: undefined })} ${err?.stack ?? ""}`);
}

function checkOwners(stage: Stage, line: Line): void {
	const counts = Object.entries(ownerless(stage.db));
	for (const [what, count] of counts) line.ownerless[what] = (line.ownerless[what] ?? 0) + count;
	for (const [what, count] of counts) if (count > 0) throw new Finding(`${count} rows have no owner: ${what}\n  ${OWNERS[what]}`);
}
