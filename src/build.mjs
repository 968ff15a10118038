import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const at = (name) => path.join(root, name);
const STAMP = at("dist/.built");
const WORKER = at("dist/worker");
const WORKER_STAMP = path.join(WORKER, ".built");
/** Compressed: what a cold start has to load. */
const WORKER_KIB = 400;
/** Every program of the package, by the name it has in dist/. */
const PROGRAMS = { node: "src/node.ts", cli: "src/cli.ts", demo: "src/demo.ts", sandbox: "src/sandboxed.ts" };

const newest = (folder) =>
	readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.reduce((latest, entry) => Math.max(latest, statSync(path.join(entry.parentPath, entry.name)).mtimeMs), 0);

/** esbuild is a development dependency: an install with --omit=dev runs the dist/ it came with. */
export function canBuild() {
	try {
		createRequire(import.meta.url).resolve("esbuild");
		return true;
	} catch {
		return false;
	}
}

export const isBuilt = () => existsSync(STAMP);

/** Whether something is older than what it is made of. */
function isOlder(stamp, ...files) {
	if (!existsSync(stamp)) return true;
	const built = statSync(stamp).mtimeMs;
	return Math.max(newest(at("src")), ...files.map((file) => statSync(at(file)).mtimeMs)) > built;
}
export const isStale = () => isOlder(STAMP, "package.json");
export const buildStaleWorker = () => isOlder(WORKER_STAMP, "package.json", "wrangler.toml") && buildWorker();

/** Sources that change meanwhile make it stale at once. */
function stamp(file, startedAt) {
	writeFileSync(file, "");
	utimesSync(file, startedAt, startedAt);
}

/** Bundles everything but native modules: unbundled, drizzle alone costs 150 MB and 0.4 s of start. */
export async function build() {
	const { build: bundle } = await import("esbuild");
	const startedAt = new Date();
	const old = existsSync(at("dist")) ? readdirSync(at("dist")).filter((name) => name !== path.basename(WORKER)) : [];
	for (const name of old) rmSync(at(`dist/${name}`), { recursive: true, force: true });
	await bundle({
		absWorkingDir: root,
		entryPoints: Object.entries(PROGRAMS).map(([out, entry]) => ({ in: at(entry), out })),
		outdir: at("dist"),
		bundle: true,
		splitting: true,
		platform: "node",
		format: "esm",
		target: "node22",
		sourcemap: true,
		legalComments: "none",
		logLevel: "warning",
		external: ["better-sqlite3"],
		// some dependencies are CommonJS and ask for `require`
		banner: { js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);' },
	});
	stamp(STAMP, startedAt);
}

/** The Worker as `wrangler deploy` would upload it, with esbuild's list of what is in it. Throws when it has grown too large. */
export function buildWorker() {
	const startedAt = new Date();
	rmSync(WORKER, { recursive: true, force: true });
	const command = ["node_modules/wrangler/bin/wrangler.js", "deploy", "--dry-run", "--outdir", WORKER, "--metafile"];
	const offline = {
		CI: "1",
		NO_COLOR: "1",
		WRANGLER_HIDE_BANNER: "true",
		WRANGLER_SEND_METRICS: "false",
		WRANGLER_LOG_PATH: path.join(WORKER, "wrangler.log"),
	};
	const { status, stdout, stderr } = spawnSync(process.execPath, command, {
		cwd: root,
		env: { ...process.env, ...offline },
		stdio: ["ignore", "pipe", "pipe"],
		encoding: "utf8",
	});
	removeEmpty(".wrangler/tmp", ".wrangler");
	if (status !== 0) throw new Error(`wrangler could not bundle the Worker:\n${stdout}${stderr}`);
	const kib = Math.ceil(gzipSync(readFileSync(path.join(WORKER, "worker.js"))).length / 1024);
	const size = `dist/worker/worker.js: ${kib} KiB compressed, of ${WORKER_KIB} at most`;
	if (kib > WORKER_KIB) throw new Error(size);
	console.log(size);
	stamp(WORKER_STAMP, startedAt);
}

/** What wrangler makes beside its configuration and leaves there. Somebody's local state is not empty, and stays. */
function removeEmpty(...folders) {
	try {
		for (const folder of folders) rmdirSync(at(folder));
	} catch {}
}
