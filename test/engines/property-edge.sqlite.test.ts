import fc from "fast-check";
import { expect, it } from "vitest";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { ENDPOINT, player } from "../suite/property/play.ts";
import { lives } from "../suite/property/steps.ts";
import { openEdgeWorld, type Sent } from "../support/edge.ts";
import { freshSqlite } from "../support/sqlite.ts";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 300);
const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);

/** Of every ten messages two are lost and two come twice, and half of all batches come backwards; which, the seed says. */
function careless(pick: () => number) {
	return (messages: Sent[]): Sent[] => {
		const come = messages.flatMap((message) => {
			const n = pick();
			return n < 2 ? [] : n < 4 ? [message, message] : [message];
		});
		return pick() < 5 ? come.toReversed() : come;
	};
}

it("keeps every promise where messages carry the work, and are lost, doubled and reordered", { timeout: 300_000 }, async () => {
	console.log(`${RUNS} lives, PROPERTY_SEED=${seed}`);
	const db = freshSqlite();
	db.raw.pragma("synchronous = OFF"); // what a power cut leaves behind is another file's subject
	db.raw.exec("CREATE TABLE d1_migrations (name text)");
	for (const name of MIGRATIONS) db.raw.prepare("INSERT INTO d1_migrations VALUES (?)").run(name);
	const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
	const world = await openEdgeWorld(db, { settle: turn, knobs: { balance: 1e9, hooks: { autoDisableAfter: null } } });
	await world.endpoint({ url: ENDPOINT });
	const play = player(world, turn);
	let handed = 0;
	const property = fc.asyncProperty(lives, fc.infiniteStream(fc.nat(9)), async (steps, luck) => {
		world.queue.spoil = careless(() => luck.next().value);
		await play(steps);
		handed += world.queue.handed.splice(0).length;
	});
	await fc.assert(property, { numRuns: RUNS, seed });
	expect(handed).toBeGreaterThan(RUNS);
	await world.close();
});
