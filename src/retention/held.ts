import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { deliveries } from "../db/schema.ts";
import { BEGINNING, type Broom, ROWS } from "./broom.ts";

/** While a delivery is held, `armed_at` says since when. `+ 0`: or PostgreSQL would look up all that are old a second time. */
export const stopHeldLong = compileSql<{ now: number; before: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${deliveries} SET state = 'stopped', reason = 'held_too_long', ended_at = ${p.now} WHERE id IN (
		SELECT d.id FROM ${deliveries} d WHERE d.state = 'held' AND d.armed_at <= ${p.before} ORDER BY d.armed_at LIMIT ${sql.raw(String(ROWS))}
	) AND state = 'held' AND armed_at + 0 <= ${p.before} RETURNING id`,
);

/** What nobody has enabled the endpoint for in all that time is given up; a recovery still sends it while its body is kept. */
export const oldHeld: Broom = {
	name: "held",
	async step({ db, clock, config, log }) {
		const now = clock.now();
		const [stopped] = await db.batch([stopHeldLong.bind({ now, before: now - config.retainHeldMs })]);
		if (stopped.length > 0) log.info({ reason: "held_too_long", count: stopped.length }, "deliveries.stopped");
		return { removed: 0, next: stopped.length < ROWS ? null : BEGINNING };
	},
};
