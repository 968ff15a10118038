import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { lanes, submissions } from "../db/schema.ts";
import type { Deps } from "../deps.ts";

/** Between two looks: what every submit reads, it reads once a second. */
const LOOK_EVERY_MS = 1000;

/** Of each lane that has been open since `since`, runs behind no pace, and has a free slot, the row that has been due longest, if since then or before. */
export const neglected = compileSql<{ since: number; slots: number }, { id: string }>(
	["id"],
	(p) => sql`WITH RECURSIVE lap(lane_id) AS (
		SELECT (SELECT lane_id FROM ${submissions} WHERE next_attempt_at IS NOT NULL AND lane_id > '' ORDER BY lane_id LIMIT 1)
		UNION ALL
		SELECT (SELECT t.lane_id FROM ${submissions} t WHERE t.next_attempt_at IS NOT NULL AND t.lane_id > lap.lane_id ORDER BY t.lane_id LIMIT 1)
		FROM lap WHERE lap.lane_id IS NOT NULL
	), oldest AS (
		SELECT (SELECT t.id FROM ${submissions} t WHERE t.lane_id = lap.lane_id AND t.next_attempt_at <= ${p.since} AND t.claim_id IS NULL
			ORDER BY t.next_attempt_at LIMIT 1) AS id
		FROM lap JOIN ${lanes} l ON l.id = lap.lane_id
		WHERE l.not_before <= ${p.since} AND l.paced_at <= ${p.since} AND coalesce(l.max_in_flight, CAST(${p.slots} AS bigint)) >
			(SELECT count(*) FROM ${submissions} t WHERE t.lane_id = lap.lane_id AND t.claim_id IS NOT NULL)
	)
	SELECT oldest.id FROM oldest WHERE oldest.id IS NOT NULL LIMIT 100`,
);

/**
 * On when a row that nothing stops has waited for `BACKPRESSURE_S` and is still the oldest of its lane a second later: in a
 * lane that is merely full a slot is free for a moment, too, but there the oldest row goes.
 */
export class Backpressure {
	readonly #ports: Pick<Deps, "db" | "config" | "clock">;
	#seen: ReadonlySet<string> = new Set();
	#lookedAt = Number.NEGATIVE_INFINITY;
	#on = false;

	constructor(ports: Pick<Deps, "db" | "config" | "clock">) {
		this.#ports = ports;
	}

	async isOn(): Promise<boolean> {
		const { db, config, clock } = this.#ports;
		const now = clock.now();
		if (config.backpressureMs === 0) return false;
		if (now - this.#lookedAt < LOOK_EVERY_MS) return this.#on;
		this.#lookedAt = now; // first, so that of many at once one looks
		const rows = await db.read(neglected.bind({ since: now - config.backpressureMs, slots: config.laneConcurrency }));
		this.#on = rows.some(({ id }) => this.#seen.has(id));
		this.#seen = new Set(rows.map(({ id }) => id));
		return this.#on;
	}
}
