import { expect, it } from "vitest";
import { broken } from "../cluster/report.ts";
import { run } from "../cluster/run.ts";

const PLAN = { jobs: 150, atOnce: 10, faults: ["kill", "freeze"] as const, deadlineMs: 1200, marginS: 0, limitMs: 100_000 };
const LOUD = "!".repeat(80);

it("150 jobs over three processes on one PostgreSQL, of which one is killed and one frozen: none is lost, and what comes twice was theirs", {
	timeout: 120_000,
}, async ({ skip, signal }) => {
	try {
		const figures = await run(PLAN, signal);
		console.log(JSON.stringify(figures));
		expect(broken(figures)).toEqual([]);
		expect(figures).toMatchObject({ accepted: 150, terminal: 150, delivered: 150, lost: 0, double_charges: 0, kills: 1, freezes: 1 });
	} catch (e) {
		const { message } = e as Error;
		if (!message.startsWith("no PostgreSQL server") || process.env["CI"] || process.env["REQUIRE_PG"]) throw e;
		console.error(`\n${LOUD}\nTHE CLUSTER IS NOT TESTED: ${message}\n${LOUD}\n`);
		skip("no PostgreSQL server");
	}
});
