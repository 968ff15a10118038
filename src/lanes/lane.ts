import { insertRow } from "../db/insert.ts";
import { lanes } from "../db/schema.ts";

type Lane = typeof lanes.$inferSelect;

const insertLane = insertRow(lanes, { orIgnore: true });

type NewLane = Pick<Lane, "id" | "kind"> & Partial<Lane>;

/** The row of a new lane. No `maxInFlight`: the setting's. */
export const laneRow = (lane: NewLane): Lane => ({ ...NEW, ...lane });

/** A lane, unless it is there already. Whoever writes work for a lane writes this with it. */
export const newLane = (lane: NewLane) => insertLane.bind(laneRow(lane));

const NEW = {
	...{ appId: null, accountId: null, maxInFlight: null, deadlineMs: null },
	...{ notBefore: 0, reason: null, strikes: 0, countedFrom: 0, tried: 0, failed: 0, probation: 0 },
	...{ spacingMs: null, burst: 1, pacedAt: 0, clockMs: 0, heardAt: 0 },
};
