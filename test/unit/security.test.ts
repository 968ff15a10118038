import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { SETTINGS } from "../../src/config.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const words = [...readFileSync(path.join(ROOT, "SECURITY.md"), "utf8").matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

it("SECURITY.md names files that are there", () => {
	const named = words.filter((word) => /^[\w./-]+(\.ts|\.toml|[a-z]\/)$/.test(word) && !word.startsWith("/"));
	expect(named.length).toBeGreaterThan(20);
	expect(named.filter((file) => ![`src/${file}`, file].some((at) => existsSync(path.join(ROOT, at))))).toEqual([]);
});

it("SECURITY.md names settings that there are", () => {
	const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
	const named = words.filter((word) => /^[A-Z]+(_[A-Z]+)+(=\w+)?$/.test(word)).map((word) => word.replace(/=.*/, ""));
	expect(named.length).toBeGreaterThan(15);
	expect(named.filter((name) => !known.has(name))).toEqual([]);
});
