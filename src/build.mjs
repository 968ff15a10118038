import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const at = (name) => path.join(root, name);
const STAMP = at("dist/.built");
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

/** Whether dist/ is older than what it is made of. */
export function isStale() {
	if (!existsSync(STAMP)) return true;
	const built = statSync(STAMP).mtimeMs;
	return Math.max(newest(at("src")), statSync(at("package.json")).mtimeMs) > built;
}

/** Bundles everything but native modules: unbundled, drizzle alone costs 150 MB and 0.4 s of start. */
export async function build() {
	const { build: bundle } = await import("esbuild");
	const startedAt = new Date();
	rmSync(at("dist"), { recursive: true, force: true });
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
	writeFileSync(STAMP, "");
	utimesSync(STAMP, startedAt, startedAt);
}
