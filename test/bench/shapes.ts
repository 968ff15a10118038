/** How the states of many deliveries may be spread. `n` counts them from 1, the oldest; row n is made n seconds after the first. */
const BEGAN = 1_800_000_000_000;

export const OURS = "app_ours";
export const THEIRS = "app_theirs";
const endpointId = (n: number) => `ep_${String(n).padStart(32, "0")}`;
/** One of this app that has trouble, one that has none, and one of another app. */
export const [ENDPOINT, QUIET, OTHERS] = [endpointId(1), endpointId(2), endpointId(3)];

export const timeAt = (n: number) => (BEGAN + n * 1000).toString(16).padStart(12, "0");
const body = (n: number) => `${timeAt(n)}7${Math.floor(n).toString(16).padStart(19, "0")}`;
export const idAt = (n: number) => `dlv_${body(n)}`;
export const jobAt = (n: number) => `job_${body(n)}`;
export const END = "dlv_g";

/** The same in SQL, `hex` being the engine's way to write a number in so many digits. */
export const bodyIn = (hex: (n: string, digits: number) => string) => `${hex(`${BEGAN} + n * 1000`, 12)} || '7' || ${hex("n", 19)}`;

/** App, target and state of row n of so many, as SQL over `n`; `twice`: as many rows once more, each of the same job and moment. */
export interface Shape {
	app: string;
	target: string;
	state: string;
	twice?: { target: string; state: string };
}
const TARGETS = `CASE n % 3 WHEN 0 THEN 'job' WHEN 1 THEN '${ENDPOINT}' ELSE '${QUIET}' END`;
const ours = `'${OURS}'`;

export const SHAPES: Record<string, (rows: number) => Shape> = {
	"nearly all delivered": (rows) => ({
		app: ours,
		target: TARGETS,
		state: `CASE n WHEN 7 THEN 'exhausted' WHEN ${rows / 4} THEN 'held' WHEN ${rows / 2} THEN 'stopped' WHEN ${rows - 5} THEN 'pending'
			WHEN 10 THEN 'superseded' ELSE 'delivered' END`,
	}),
	"nearly all pending": () => ({
		app: ours,
		target: TARGETS,
		state: "CASE WHEN n < 5 THEN 'delivered' WHEN n < 8 THEN 'exhausted' WHEN n = 8 THEN 'superseded' ELSE 'pending' END",
	}),
	"all held but one": () => ({ app: ours, target: `'${ENDPOINT}'`, state: "CASE n WHEN 7 THEN 'exhausted' ELSE 'held' END" }),
	"a quiet endpoint beside one in trouble": () => ({
		app: ours,
		target: `'${QUIET}'`,
		state: "'delivered'",
		twice: { target: `'${ENDPOINT}'`, state: "CASE n % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'held' ELSE 'exhausted' END" },
	}),
	"other apps' trouble": (rows) => ({
		app: `CASE WHEN n % ${rows / 10} = 1 THEN ${ours} ELSE '${THEIRS}' END`,
		target: `CASE WHEN n % ${rows / 10} = 1 THEN '${ENDPOINT}' ELSE '${OTHERS}' END`,
		state: "CASE n % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'held' ELSE 'stopped' END",
	}),
};
