import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SETTINGS } from "../../src/config.ts";
import { codes } from "../../src/errors.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const words = new Set(readme.match(/`[^`\n]+`/g)?.map((code) => code.slice(1, -1)));

it("the README names every setting with the default it has", () => {
	for (const { env, schema } of Object.values(SETTINGS)) {
		const row = readme.split("\n").find((line) => line.startsWith("| `") && line.split("|")[1]?.includes(`\`${env}\``));
		expect(row, env).toBeDefined();
		const [, names, defaults] = row!.split("|");
		const position = names!.split(",").findIndex((name) => name.includes(`\`${env}\``));
		const shown = defaults!.includes("`,") || names!.includes(",") ? defaults!.split(/,\s+/)[position] : defaults;
		const fallback = (schema as unknown as { safeParse(value: undefined): { data?: unknown } }).safeParse(undefined).data;
		if (typeof fallback !== "number") continue;
		const unit = env.endsWith("_PER_S") ? 1 : ({ _S: 1000, _H: 3_600_000, _D: 86_400_000, MB: 1_048_576 }[env.slice(-2)] ?? 1);
		if (env !== "SANDBOX_PORT") expect(shown, env).toContain(`\`${fallback / unit}\``);
	}
});

it("the README names every error code", () => {
	expect(codes.filter((code) => !words.has(code))).toEqual([]);
});
