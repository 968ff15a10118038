import { existsSync } from "node:fs";
import path from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const root = path.resolve(import.meta.dirname, "..");
const at = (p: string) => path.join(root, p);

/** workerd syncs each write of D1 to a file in here, a third of its tests' time; power cuts are not their subject. */
function keepInMemory(): void {
	if (existsSync("/dev/shm")) process.env["TMPDIR"] ??= "/dev/shm";
}

/** Vitest would leave one core free, of two that is half. */
const ALL_CORES = { maxWorkers: "100%" };
/** Whole processes and their deadlines in real time: one file after the other. Another number of workers is another turn to vitest. */
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 2 } };

export default defineConfig({
	root,
	test: {
		projects: [
			{ test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...ALL_CORES } },
			{ test: { name: "sqlite", include: ["test/engines/*.sqlite.test.ts", "test/regress/**/*.test.ts"], ...ALL_CORES } },
			{
				test: {
					name: "postgres",
					include: ["test/engines/*.postgres.test.ts"],
					globalSetup: [at("test/support/postgres/server.ts")],
					setupFiles: [at("test/support/postgres/skip.ts")],
					...ALL_CORES,
				},
			},
			{ test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 30_000, ...ALONE } },
			{
				plugins: [
					cloudflareTest(async () => {
						keepInMemory();
						return {
							wrangler: { configPath: at("wrangler.toml") },
							remoteBindings: false,
							miniflare: {
								cf: false, // else one look-up of Cloudflare's host at every start
								bindings: { TEST_MIGRATIONS: await readD1Migrations(at("migrations/sqlite")) },
							},
						};
					}),
				],
				test: {
					name: "workers",
					include: ["test/engines/*.workers.test.ts"],
					globalSetup: [at("test/support/workers/receiver.ts")],
					setupFiles: [at("test/support/workers/migrate.ts")],
					...ALL_CORES, // a file is a workerd, which uses one core and leaves vitest idle
					sequence: { groupOrder: 1 },
				},
			},
		],
	},
});
