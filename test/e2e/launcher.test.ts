import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/launch.ts";
import { scratch } from "../support/process.ts";

/** The package as `npm install --omit=dev` leaves it: no esbuild anywhere above it. */
function withoutDevelopment(dist: boolean): string {
	const folder = scratch();
	mkdirSync(path.join(folder, "src"));
	for (const file of ["package.json", "src/launch.mjs", "src/build.mjs"]) cpSync(path.join(ROOT, file), path.join(folder, file));
	if (!dist) return folder;
	mkdirSync(path.join(folder, "dist"));
	writeFileSync(path.join(folder, "dist/node.js"), 'console.log("started");');
	writeFileSync(path.join(folder, "dist/.built"), "");
	utimesSync(path.join(folder, "dist/.built"), 0, 0); // older than everything: unpacking a release keeps no order of times
	return folder;
}

async function start(folder: string) {
	const child = spawn(process.execPath, ["src/launch.mjs", "start"], { cwd: folder, env: {} });
	const said = { out: "", err: "" };
	child.stdout.on("data", (chunk) => {
		said.out += chunk;
	});
	child.stderr.on("data", (chunk) => {
		said.err += chunk;
	});
	const [code] = (await once(child, "close")) as [number];
	return { code, ...said };
}

describe("`npm start` without development dependencies", () => {
	it("runs the dist/ that is there, however old", async () => {
		expect(await start(withoutDevelopment(true))).toEqual({ code: 0, out: "started\n", err: "" });
	});

	it("says in one sentence what is missing where there is none", async () => {
		const { code, out, err } = await start(withoutDevelopment(false));
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err.trim()).toMatch(/^there is no dist\/, and no esbuild to make it: run `npm install` without --omit=dev[^\n]+$/);
	});
});
