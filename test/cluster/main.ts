/** `npm run cluster`: three processes on one PostgreSQL, killed, frozen and cut off under load. `--jobs`, `--faults`, `--json`. */
import { parseArgs } from "node:util";
import type { Fault } from "./faults.ts";
import { broken, lines } from "./report.ts";
import { run } from "./run.ts";

const { values: options } = parseArgs({
	options: {
		jobs: { type: "string", default: "3000" },
		faults: { type: "string", default: "kill,kill,freeze,kill,restart,kill,kill" },
		json: { type: "boolean", default: false },
	},
});
const stop = new AbortController();
// what was started is ended even then; a terminal and npm may both pass on the same Ctrl-C
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (e: Error) => stop.abort(e));

const times = { deadlineMs: 2000, marginS: 1, limitMs: 240_000 };
const plan = { jobs: Number(options.jobs), faults: options.faults.split(",") as Fault[], atOnce: 20, ...times };
try {
	const figures = await run(plan, stop.signal, options.json ? () => {} : console.log);
	const wrong = broken(figures);
	console.log(options.json ? JSON.stringify({ ok: wrong.length === 0, wrong, figures }) : lines(figures).join("\n"));
	for (const one of wrong) console.error(`NOT SO: ${one}`);
	process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (e) {
	console.error((e as Error).message);
	process.exitCode = 1;
}
