import type { TestProject } from "vitest/node";
import { startPostgresServer } from "../../../src/demo/postgres-server.ts";

declare module "vitest" {
	export interface ProvidedContext {
		/** Of a server of our own, or of `PG_TEST_URL`; null: there is none, and the tests that need one are skipped. */
		postgresUrl: string | null;
	}
}

const LOUD = "!".repeat(80);

/** One server for the whole project. In CI a missing one is a failure; on a laptop its tests are skipped, and it says so. */
export default async function setup(project: TestProject) {
	const given = process.env["PG_TEST_URL"];
	if (given) return project.provide("postgresUrl", given);
	try {
		const server = await startPostgresServer();
		project.provide("postgresUrl", server.url);
		return server.stop;
	} catch (e) {
		if (process.env["CI"] || process.env["REQUIRE_PG"]) throw e;
		console.error(`\n${LOUD}\nALL TESTS ON POSTGRESQL ARE SKIPPED: ${(e as Error).message}\n${LOUD}\n`);
		project.provide("postgresUrl", null);
	}
}
