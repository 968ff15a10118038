// Starts the programs of this package: `node src/launch.mjs <start|dev|dev-worker|demo|sandbox|cli|build|test|bench|soak|cluster|fuzz|conformance> [arguments]`.
// Plain JavaScript that any Node can read, so that one that is too old gets a sentence instead of a crash.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = [22, 19];
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
	console.error(
		`jobhook needs Node ${NEEDED.join(".")} or newer; this is ${process.version}. On Linux x64, npm install brings one along; elsewhere install it from nodejs.org.`,
	);
	process.exit(1);
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [what = "start", ...rest] = process.argv.slice(2);

/** Runs another process in our place: its output, its exit code, and the signals we get. */
function run(command, args, env = {}) {
	const child = spawn(command, args, { stdio: "inherit", cwd: root, env: { ...process.env, ...env } });
	for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
	child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
const bin = (name) => path.join(root, "node_modules", name);

/** Builds when dist/ is older than src/, where it can, and runs the program in this very process. */
async function runBuilt(program) {
	const { build, canBuild, isBuilt, isStale } = await import("./build.mjs");
	if (!canBuild() && !isBuilt()) {
		console.error(
			"there is no dist/, and no esbuild to make it: run `npm install` without --omit=dev, or bring a dist/ that `npm run build` made.",
		);
		process.exit(1);
	}
	if (canBuild() && isStale()) await build();
	process.argv.splice(1, 2, path.join(root, `dist/${program}.js`));
	await import(`../dist/${program}.js`);
}

/** What cannot be built says so in its own words, without a stack. */
async function make(...steps) {
	const builders = await import("./build.mjs");
	try {
		for (const step of steps) await builders[step]();
	} catch (e) {
		console.error(e.message);
		process.exit(1);
	}
}

const programs = {
	start: () => runBuilt("node"),
	demo: () => runBuilt("demo"),
	sandbox: () => runBuilt("sandbox"),
	cli: () => runBuilt("cli"),
	build: () => make("build", "buildWorker"),
	dev: () => run(process.execPath, ["--watch", "src/node.ts"], { SANDBOX: "1" }),
	"dev-worker": () => run(process.execPath, ["src/dev-worker.ts"]),
	bench: async () => {
		await make("build");
		run(process.execPath, ["test/bench/main.ts", ...rest]);
	},
	soak: async () => {
		await make("build");
		run(process.execPath, ["test/e2e/soak.ts", ...rest]);
	},
	cluster: async () => {
		await make("build");
		run(process.execPath, ["test/cluster/main.ts", ...rest]);
	},
	fuzz: () => run(process.execPath, ["test/fuzz/main.ts", ...rest]),
	conformance: () => run(process.execPath, ["test/conformance.ts", ...rest]),
	test: async () => {
		await make("build", "buildStaleWorker");
		const offline = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
		run(process.execPath, [bin("vitest/vitest.mjs"), "run", "--config", "test/vitest.config.ts", ...rest], offline);
	},
};
const program = programs[what];
if (program === undefined) {
	console.error(`unknown: ${what}; one of ${Object.keys(programs).join(", ")}`);
	process.exit(2);
}
await program();
