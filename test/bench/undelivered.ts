/** `npm run bench -- --undelivered`: how long lists of deliveries take at a million of them, however their states are spread. */
import type { Db } from "../../src/db/db.ts";
import type { Page } from "../../src/db/page.ts";
import { listDeliveries, STATUSES } from "../../src/outbound/delivery/read.ts";
import { deliveriesBy } from "../../src/outbound/delivery/sql.ts";
import { ENGINES } from "./million.ts";
import { END, ENDPOINT, idAt, jobAt, OTHERS, OURS, QUIET, SHAPES, timeAt } from "./shapes.ts";

const CALLS = 5;
const LIMIT_MS = 100;
type Times = { p50: number; p95: number; worst: number };

const at = (values: number[], share: number) => values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const short = (n: number) => Number(n.toFixed(2));

/** 25 calls for each set of filters: first, middle and last page; a day of all; a page before a time; the longest page. */
function pagesOf(rows: number): Record<string, Page> {
	const page = (before: string, from = "dlv_0", limit = 25): Page => ({ before, from, limit });
	return {
		first: page(END),
		middle: page(idAt(rows / 2)),
		last: page(idAt(10)),
		range: page(`dlv_${timeAt(rows * 0.6)}`, `dlv_${timeAt(rows * 0.4)}`),
		long: page(END, "dlv_0", 100),
	};
}

const scopesOf = (rows: number) => ({
	all: {},
	endpoint: { endpoint: ENDPOINT },
	"quiet endpoint": { endpoint: QUIET },
	"other app's endpoint": { endpoint: OTHERS },
	job: { job: jobAt(rows / 2) },
	"job and endpoint": { job: jobAt(rows / 2), endpoint: ENDPOINT },
});

async function timesOf(db: Db, rows: number): Promise<Record<string, Times>> {
	const found: Record<string, Times> = {};
	for (const [scope, filter] of Object.entries(scopesOf(rows)))
		for (const status of [undefined, ...STATUSES]) {
			const calls: number[] = [];
			for (const page of Object.values(pagesOf(rows)))
				for (let call = 0; call < CALLS; call++) {
					const began = performance.now();
					await listDeliveries({ db, clock: { now: Date.now } }, OURS, page, { ...filter, status });
					calls.push(performance.now() - began);
				}
			calls.sort((a, b) => a - b);
			found[`${status ?? "any"}, ${scope}`] = { p50: short(at(calls, 0.5)), p95: short(at(calls, 0.95)), worst: short(at(calls, 1)) };
		}
	return found;
}

interface Wish {
	rows?: string | undefined;
	engine?: string | undefined;
	shape?: string | undefined;
	json?: boolean | undefined;
}

export async function undelivered(wish: Wish): Promise<void> {
	const rows = Number(wish.rows ?? 1_000_000);
	const figures: Record<string, Record<string, Times>> = {};
	const note = (title: string, times: Record<string, Times>) => {
		figures[title] = times;
		console.log(`\n${title}`);
		for (const [name, { p50, p95, worst }] of Object.entries(times))
			console.log(`  ${name.padEnd(36)} p50 ${p50} ms, p95 ${p95} ms, worst ${worst} ms${p95 > LIMIT_MS ? " !" : ""}`);
	};
	for (const [engine, open] of Object.entries(ENGINES)) {
		if (wish.engine !== undefined && wish.engine !== engine) continue;
		const million = await open(rows);
		try {
			await million.begin();
			for (const [shape, statesOf] of Object.entries(SHAPES)) {
				if (wish.shape !== undefined && wish.shape !== shape) continue;
				const began = performance.now();
				await million.fill(statesOf);
				const title = `${engine}, ${shape}`;
				console.log(`\n${title}: seeded in ${((performance.now() - began) / 1000).toFixed(1)} s`);
				// what the planner knows is of the shape before, or nothing
				note(`${title}, before ANALYZE`, await timesOf(million.db, rows));
				await million.analyze();
				note(title, await timesOf(million.db, rows));
				for (const filters of [["undelivered"], ["undelivered", "endpoint"], ["undelivered", "job"]] as const) {
					const values = { app: OURS, endpoint: ENDPOINT, job: jobAt(rows / 2), before: END, from: "dlv_0", rows: 26, look: 500 };
					console.log(`\n  the plan of ${filters.join(", ")}`);
					console.log(await million.explain(deliveriesBy(filters).bind(values)));
				}
			}
		} finally {
			await million.close();
		}
	}
	const all = Object.entries(figures).flatMap(([title, times]) =>
		Object.entries(times).map(([name, t]) => ({ name: `${title}: ${name}`, ...t })),
	);
	const worst = (some: typeof all) => some.toSorted((a, b) => b.worst - a.worst)[0] ?? null;
	const ofUndelivered = worst(all.filter(({ name }) => name.includes(": undelivered")));
	console.log(
		`\nworst of undelivered: ${ofUndelivered?.worst} ms (${ofUndelivered?.name}); worst of all: ${worst(all)?.worst} ms (${worst(all)?.name})`,
	);
	if (wish.json)
		console.log(
			JSON.stringify({ ok: (ofUndelivered?.worst ?? 0) <= LIMIT_MS, rows, undelivered: ofUndelivered, all: worst(all), figures }),
		);
}
