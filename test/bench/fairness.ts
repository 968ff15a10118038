/**
 * `npm run bench -- --fairness`: what one receiver's trouble costs the others, in the built service on SQLite. Latency is from
 * a hook's 200 to its callback's arrival. `--quick`: shorter, fewer rounds; `--only hangs|flood|crowd`: one of them. Exits 1 where something was lost, never for time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { memoryOf, receivers, stream } from "./crowd.ts";
import { settings, withFolder } from "./figures.ts";
import { seed } from "./seed.ts";
import { start } from "./spawn.ts";

interface Length {
	rounds: number;
	seconds: number;
}
interface Round {
	p50: number;
	p95: number;
	p99: number;
	/** The most slots held at a moment: by receivers that hang, and by all. */
	hanging: number;
	slots: number;
	lost: number;
	rssMb: number | null;
}
interface Pair {
	without: Round;
	with: Round;
}
type Seeded = Awaited<ReturnType<typeof seed>>;
type Receivers = Awaited<ReturnType<typeof receivers>>;

/** Who is told of the stream's jobs, and the paused endpoints beside it with deliveries that all fall due at once. */
interface Scenario {
	title: string;
	perSecond: number;
	apps(seeded: Seeded, url: string, trouble: boolean): Promise<{ all: string[]; measured: string[] }>;
	trouble?(seeded: Seeded, url: string): Promise<string[]>;
	/** How much of the trouble is still to come. */
	left?(at: Receivers): number;
}

const ENDPOINTS = 100;
const FLOOD = 10_000;
const HANGING = 60;
/** For the service to start and warm up: until then nothing is in trouble. */
const AHEAD_MS = 8000;
const WARM_UP = 1;
const BODY = JSON.stringify({ type: "job.completed", data: "x".repeat(800) });

async function smallApp(seeded: Seeded, url: string) {
	const small = await seeded.app("small");
	await seeded.endpoint(`${url}/small`, false, small);
	return { all: [small], measured: [small] };
}

const SCENARIOS: Record<string, Scenario> = {
	hangs: {
		title: "one endpoint of 100 hangs, 200/s over all",
		perSecond: 200,
		async apps(seeded, url, trouble) {
			const all: string[] = [];
			for (let i = 0; i < ENDPOINTS; i++) {
				const app = await seeded.app(`app-${i}`);
				await seeded.endpoint(`${url}/${trouble && i === 0 ? "hang" : "quick"}/${i}`, false, app);
				all.push(app);
			}
			return { all, measured: all.slice(1) };
		},
	},
	flood: {
		title: "one app's 10,000 fall due, another has 20/s",
		perSecond: 20,
		apps: smallApp,
		async trouble(seeded, url) {
			const id = await seeded.endpoint(`${url}/flood`, true);
			await seeded.dueDeliveries(FLOOD, [id], BODY);
			return [id];
		},
		left: ({ countOf }) => FLOOD - countOf("/flood"),
	},
	crowd: {
		title: "60 endpoints of one app hang, another has 20/s",
		perSecond: 20,
		apps: smallApp,
		async trouble(seeded, url) {
			const ids: string[] = [];
			for (let i = 0; i < HANGING; i++) ids.push(await seeded.endpoint(`${url}/hang/${i}`, true));
			await seeded.dueDeliveries(HANGING * 20, ids, BODY);
			return ids;
		},
	},
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const short = (n: number): number => Number(n.toFixed(2));

const measure = (scenario: Scenario, seconds: number, trouble: boolean): Promise<Round> =>
	withFolder(async (file) => {
		const there = await receivers();
		const seeded = await seed(file);
		const { all, measured } = await scenario.apps(seeded, there.url, trouble);
		const jobs = await seeded.jobsOf(all, (WARM_UP + seconds) * scenario.perSecond);
		const paused = trouble ? ((await scenario.trouble?.(seeded, there.url)) ?? []) : [];
		const at = Date.now() + (paused.length > 0 ? AHEAD_MS : 0);
		await seeded.openAt(paused, at);
		await seeded.close();
		const service = await start("dist/node.js", settings(file));
		try {
			const ids = jobs.map(({ providerJobId }) => providerJobId);
			const warm = WARM_UP * scenario.perSecond;
			await stream(service.port, ids.slice(0, warm), scenario.perSecond);
			if (paused.length > 0 && Date.now() > at) throw new Error("this machine is too busy: the trouble began before the service was warm");
			await sleep(Math.max(0, at - Date.now()));
			const toldAt = await stream(service.port, ids.slice(warm), scenario.perSecond);
			const mine = jobs.slice(warm).flatMap(({ app, job }, i) => (measured.includes(app) ? [{ job, told: toldAt[i] ?? 0 }] : []));
			const missing = () => mine.filter(({ job }) => !there.arrivedAt.has(job)).length + (trouble ? (scenario.left?.(there) ?? 0) : 0);
			for (const deadline = performance.now() + 60_000; missing() > 0 && performance.now() < deadline; ) await sleep(100);
			const waits = mine.map(({ job, told }) => (there.arrivedAt.get(job) ?? Number.POSITIVE_INFINITY) - told).toSorted((a, b) => a - b);
			const p = (share: number) => short(waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN);
			return {
				...{ p50: p(0.5), p95: p(0.95), p99: p(0.99) },
				...{ hanging: there.open.mostHanging, slots: there.open.most, lost: missing(), rssMb: memoryOf(service.pid) },
			};
		} finally {
			await service.stop();
			there.close();
		}
	});

async function compare(scenario: Scenario, { rounds, seconds }: Length) {
	console.log(`\n${scenario.title}: ${rounds} rounds of ${seconds} s without and with`);
	console.log("round          p50      p95      p99 ms   hanging  slots  lost  RSS MB");
	const pairs: Pair[] = [];
	for (let i = 0; i < rounds; i++) {
		const pair = { without: await measure(scenario, seconds, false), with: await measure(scenario, seconds, true) };
		pairs.push(pair);
		for (const [which, round] of Object.entries(pair) as [string, Round][]) {
			const [p50, p95, p99] = [round.p50, round.p95, round.p99].map((ms) => ms.toFixed(2).padStart(8)) as [string, string, string];
			const counts = `${String(round.hanging).padStart(8)} ${String(round.slots).padStart(6)} ${String(round.lost).padStart(5)}`;
			console.log(`${`${i + 1} ${which}`.padEnd(9)} ${p50} ${p95} ${p99}    ${counts} ${String(round.rssMb ?? "?").padStart(7)}`);
		}
	}
	const moved = (of: (round: Round) => number) => short(median(pairs.map((pair) => of(pair.with) - of(pair.without))));
	const both = pairs.flatMap((pair) => [pair.without, pair.with]);
	const p95 = median(pairs.map(({ without }) => without.p95));
	const figure = {
		p95_without_ms: p95,
		p95_with_ms: median(pairs.map((pair) => pair.with.p95)),
		moved_ms: { p50: moved((round) => round.p50), p95: moved((round) => round.p95), p99: moved((round) => round.p99) },
		allowed_ms: short(Math.max(0.1 * p95, 5)),
		hanging: Math.max(...both.map(({ hanging }) => hanging)),
		slots: Math.max(...both.map(({ slots }) => slots)),
		rss_moved_mb: moved((round) => round.rssMb ?? Number.NaN),
		lost: both.reduce((sum, { lost }) => sum + lost, 0),
		rounds: pairs,
	};
	const { p50, p99 } = figure.moved_ms;
	console.log(
		`median of the differences: p50 ${p50}, p95 ${figure.moved_ms.p95} (allowed ${figure.allowed_ms}), p99 ${p99} ms; RSS ${figure.rss_moved_mb} MB`,
	);
	return figure;
}

interface Wish {
	quick?: boolean | undefined;
	json?: boolean | undefined;
	only?: string | undefined;
}

export async function fairness({ quick, json, only }: Wish): Promise<void> {
	const length = quick ? { rounds: 3, seconds: 5 } : { rounds: 5, seconds: 10 };
	const figures: Record<string, Awaited<ReturnType<typeof compare>>> = {};
	for (const [name, scenario] of Object.entries(SCENARIOS)) {
		if (only === undefined || only === name) figures[name] = await compare(scenario, length);
	}
	const lost = Object.values(figures).reduce((sum, figure) => sum + figure.lost, 0);
	if (json) console.log(JSON.stringify({ ok: lost === 0, figures }));
	if (lost > 0) process.exitCode = 1;
}
