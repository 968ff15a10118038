/** `npm run fuzz`: random requests to every route and random hooks. `--runs`, `--seed`, `--only routes|hooks|tenants`. */
import { parseArgs } from "node:util";
import type { lives } from "./play.ts";
import { answersMet, findingIn, ownersAsked } from "./report.ts";
import { fuzz } from "./run.ts";

const TELL_EVERY = 20_000;

const { values: options } = parseArgs({
	options: {
		runs: { type: "string", default: "200000" },
		seed: { type: "string", default: String(Date.now() % 2 ** 31) },
		only: { type: "string", default: "all" },
	},
});
const [seed, inputs, only] = [Number(options.seed), Number(options.runs), options.only as Parameters<typeof lives>[1]];
if (!Number.isSafeInteger(seed) || !(inputs > 0) || !["all", "routes", "hooks", "tenants"].includes(only)) {
	console.error("--seed and --runs are whole numbers, --only is one of routes, hooks, tenants");
	process.exit(2);
}
console.log(`${inputs} inputs; the same again: npm run fuzz -- --seed ${seed} --runs ${inputs}${only === "all" ? "" : ` --only ${only}`}`);
let told = 0;
const result = await fuzz({
	...{ seed, inputs, only },
	tell(done) {
		if (done - told < TELL_EVERY) return;
		told = done;
		console.log(`${done} inputs`);
	},
});
console.log(`Answers that were met:\n${answersMet(result)}`);
console.log(`Rows without an owner, each must be 0:\n${ownersAsked(result)}`);
console.log(
	`${result.inputs} inputs in ${result.worlds} worlds, ${Math.round(result.seconds)} s, ${Math.round(result.inputs / result.seconds)} a second`,
);
const finding = findingIn(result);
if (finding === null)
	console.log(
		"every rule held: no 5xx, no hang, nothing undocumented, no row changed by a refusal or by another app, no row without an owner",
	);
else {
	console.error(finding);
	process.exitCode = 1;
}
