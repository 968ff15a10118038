import { isBuiltin } from "node:module";
import path from "node:path";

/** Rooms of src, top to bottom: a file imports from its own room and from lower layers. */
const LAYERS = [
	["node", "worker", "cli", "demo", "sandboxed", "dev-worker"],
	["http", "dropin", "sweep", "bootstrap"],
	["inbound"],
	["jobs", "retention"],
	["outbound", "providers", "access", "files"],
	["lanes"],
	["db", "errors", "config", "deps"],
	["core", "sandbox"],
];
/** Who may also look sideways. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
	access: ["providers"],
	cli: ["node"],
	demo: ["node"],
	"dev-worker": ["node"],
	sandboxed: ["node"],
	sandbox: ["core"],
	db: ["errors", "config", "deps"],
	deps: ["db", "errors", "config"],
};
/** Arrows that point down and are wrong all the same. */
const NEVER: readonly [from: RegExp, to: string, why: string][] = [
	[/^providers$/, "db", "providers never import db"],
	[/^(?!node$|cli$|demo$|sandboxed$|sandbox$)/, "sandbox", "only programs run the sandbox"],
];
const NODE_EDGE = ["node", "cli", "demo", "sandboxed", "dev-worker"];
const NODE_PACKAGES = /^(better-sqlite3|postgres|undici|pino|commander|@hono\/node-server)(\/|$)/;
const WORKERS_TYPES = /^(@cloudflare\/|cloudflare:)/;
/** Plain JavaScript that starts and builds the programs; nothing imports it. */
const LAUNCHER = /^[a-z]+\.mjs$/;

/** What a file imports: statically, as types, dynamically, and by `/// <reference types>`. `null`: a path that is computed. */
export function importsOf(text: string): (string | null)[] {
	const fixed = [
		// formatted code begins every static import and re-export at the start of a line
		/^(?:import|export)\b(?:[^"'`;]*?\bfrom)?\s*["']([^"']+)["']/gm,
		/\bimport\s*\(\s*["']([^"']+)["']\s*[,)]/g,
		/^\/\/\/\s*<reference\s+(?:types|path)="([^"]+)"/gm,
	].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
	const computed =
		/\bimport\s*\(\s*(?!["'][^"']+["']\s*[,)])/.test(text) || /\b(createRequire|getBuiltinModule)\b|\brequire\s*\(/.test(text);
	return computed ? [...fixed, null] : fixed;
}

const roomOf = (file: string): string => (file.split("/")[0] ?? "").replace(/(\.d)?\.m?ts$/, "");
const layerOf = (room: string): number => LAYERS.findIndex((rooms) => rooms.includes(room));

/** Everything that is wrong in a source tree, given as path below src → text. Empty when all is well. */
export function complaintsAbout(files: ReadonlyMap<string, string>): string[] {
	const complaints: string[] = [];
	const graph = new Map<string, string[]>();
	for (const [file, text] of files) {
		if (LAUNCHER.test(file)) continue;
		const room = roomOf(file);
		if (layerOf(room) < 0) complaints.push(`${file}: the room ${room} has no place in the layers`);
		if (/^export\s[^;"'`]*?\bfrom\s*["']/m.test(text)) complaints.push(`${file}: re-exports; import from where it is made`);
		const inside: string[] = [];
		for (const target of importsOf(text)) {
			if (target === null) complaints.push(`${file}: a computed import`);
			else if (!target.startsWith(".")) complaints.push(...packageComplaint(file, room, target));
			else {
				const to = path.posix.join(path.posix.dirname(file), target);
				if (files.has(to)) inside.push(to);
				complaints.push(...arrowComplaint(file, to, files));
			}
		}
		graph.set(file, inside);
	}
	return [...complaints, ...cyclesIn(graph)];
}

function packageComplaint(file: string, room: string, name: string): string[] {
	const nodeOnly = (isBuiltin(name) && !(room === "core" && name === "node:crypto")) || NODE_PACKAGES.test(name);
	if (nodeOnly && !NODE_EDGE.includes(room)) return [`${file}: ${name} belongs to the Node edge`];
	if (WORKERS_TYPES.test(name) && room !== "worker") return [`${file}: ${name} belongs to the Workers edge`];
	return [];
}

function arrowComplaint(file: string, to: string, files: ReadonlyMap<string, string>): string[] {
	const [from, into] = [roomOf(file), roomOf(to)];
	if (!files.has(to) || LAUNCHER.test(to)) return [`${file} -> ${to}: not a file that may be imported`];
	const never = NEVER.find(([who, whom]) => who.test(from) && whom === into);
	if (never) return [`${file} -> ${to}: ${never[2]}`];
	const down = layerOf(from) < layerOf(into) || from === into || BESIDE[from]?.includes(into);
	return down ? [] : [`${file} -> ${to}: imports go down only`];
}

/** Each cycle once, as the path that closes it. */
function cyclesIn(graph: ReadonlyMap<string, string[]>): string[] {
	const cycles: string[] = [];
	const done = new Set<string>();
	const walk = (file: string, way: string[]): void => {
		const seen = way.indexOf(file);
		if (seen >= 0) return void cycles.push(`cycle: ${[...way.slice(seen), file].join(" -> ")}`);
		if (done.has(file)) return;
		for (const next of graph.get(file) ?? []) walk(next, [...way, file]);
		done.add(file);
	};
	for (const file of graph.keys()) walk(file, []);
	return cycles;
}
