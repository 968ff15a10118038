/**
 * `npm run bench`: what a step of the path costs, as ratios inside one run. `--quick` below a minute; `--json` last line.
 * `--undelivered`: how long lists of deliveries take at a million of them instead; `--rows`, `--engine`, `--shape` ask for less.
 * `--fairness`: what one receiver's trouble costs the others instead; with `--quick` in three minutes.
 * `--attack`: what strangers at the hooks' door cost the provider instead; with `--quick` in three minutes.
 */
import { parseArgs } from "node:util";
import { attack } from "./attack.ts";
import { fairness } from "./fairness.ts";
import { deliver, ingest, type Round, submit } from "./figures.ts";
import { undelivered } from "./undelivered.ts";

const flag = { type: "boolean" } as const;
const text = { type: "string" } as const;
const { values: options } = parseArgs({
	options: { quick: flag, json: flag, only: text, undelivered: flag, fairness: flag, attack: flag, rows: text, engine: text, shape: text },
});
if (options.attack) {
	await attack(options);
	process.exit();
}
if (options.fairness) {
	await fairness(options);
	process.exit();
}
if (options.undelivered) {
	await undelivered(options);
	process.exit();
}
const rounds = options.quick ? 3 : 7;
const scale = options.quick ? 1 : 4;
const all = { ingest: () => rounds_(ingest, 8000), submit: () => rounds_(submit, 8000), deliver: () => rounds_(deliver, 4000) };

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const short = (n: number, digits = 2): number => Number(n.toFixed(digits));

async function rounds_(figure: (count: number, round: number) => Promise<Round>, count: number) {
	const seen: Round[] = [];
	for (let round = 0; round < rounds; round++) seen.push(await figure(count * scale, round));
	const ratios = seen.map((r) => r.ours / r.baseline);
	const hono = seen.flatMap((r) => (r.hono ? [r.ours / r.hono] : []));
	return {
		ratio: short(median(ratios)),
		spread: [short(Math.min(...ratios)), short(Math.max(...ratios))],
		...(hono.length > 0 ? { of_hono: short(median(hono)) } : {}),
		per_second: Math.round(median(seen.map((r) => r.ours))),
		baseline_per_second: Math.round(median(seen.map((r) => r.baseline))),
	};
}

const figures: Record<string, Awaited<ReturnType<typeof rounds_>>> = {};
for (const [name, measure] of Object.entries(all)) {
	if (options.only && options.only !== name) continue;
	const figure = await measure();
	figures[name] = figure;
	const { ratio, spread, of_hono, per_second, baseline_per_second } = figure;
	const beside = of_hono === undefined ? "" : `, ${of_hono} of bare Hono`;
	console.log(`${name.padEnd(8)} ${per_second}/s, ${ratio} of the baseline's ${baseline_per_second}/s (${spread.join("–")})${beside}`);
}
if (options.json) console.log(JSON.stringify({ ok: true, figures }));
