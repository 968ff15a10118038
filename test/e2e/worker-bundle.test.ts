import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { ROOT } from "../support/launch.ts";

/* Of the Worker that `npm test` and `npm run build` make, as `wrangler deploy` would upload it. */
const bundle = path.join(ROOT, "dist/worker");
const meta = JSON.parse(readFileSync(path.join(bundle, "bundle-meta.json"), "utf8")) as {
	inputs: Record<string, unknown>;
	outputs: Record<string, { imports: { path: string }[] }>;
};
const files = Object.keys(meta.inputs);
const inside = (folder: string) => files.filter((file) => file === `${folder}.ts` || `/${file}`.includes(`/${folder}/`));

it("the Worker's bundle has the service in it", () => {
	for (const part of ["src/worker", "src/http", "src/jobs", "node_modules/hono"]) expect(inside(part), part).not.toEqual([]);
});

it.each(["better-sqlite3", "undici", "pino", "commander", "@hono/node-server"])("the Worker's bundle is without %s", (name) => {
	expect(inside(`node_modules/${name}`)).toEqual([]);
});

it.each(["node", "cli", "sandbox", "sandboxed", "demo", "dev-worker"])("the Worker's bundle has nothing of src/%s", (room) => {
	expect(inside(`src/${room}`)).toEqual([]);
});

it("the Worker asks the platform for no module but node:crypto", () => {
	const asked = Object.values(meta.outputs).flatMap(({ imports }) => imports.map((one) => one.path));
	expect([...new Set(asked)]).toEqual(["node:crypto"]);
});

it("the Worker's bundle has at most 400 KiB compressed", () => {
	expect(gzipSync(readFileSync(path.join(bundle, "worker.js"))).length).toBeLessThanOrEqual(400 * 1024);
});
