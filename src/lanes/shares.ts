import type { Lane } from "./sql.ts";

/** How many rows a lane may have now. */
export interface Share {
	lane: Lane;
	most: number;
}
/** Of one round. */
export interface Allot {
	/** What each lane may have, of lanes with due rows and free slots in their turn; those behind the last one have found no room. */
	shares(lanes: Lane[], room: number): Share[];
	/** A lane may have fewer due rows than its share. */
	took(lane: Lane, rows: number): void;
}

/** An equal share for each. */
export const allotFreely: Allot = {
	shares: (lanes, room) => {
		const served = lanes.slice(0, room);
		return served.map((lane) => ({ lane, most: Math.floor(room / served.length) }));
	},
	took: () => {},
};

/**
 * Who gets the slots of a process. Lanes are served one slot at a time in turn, so that a few with much to do do not leave the
 * others waiting. Of the slots that are free or its own an app may hold four fifths: however many of its lanes hang, the others
 * find some. And of what it may hold, the last fifth goes to lanes that have none.
 */
export class FairShares {
	readonly #held = new Map<string, number>();

	/** For one round, which remembers what was taken in it. */
	round(): Allot {
		const taken = new Map(this.#held);
		return {
			shares: (lanes, room) => sharesOf(lanes, room, new Map(taken)),
			took: (lane, rows) => add(taken, appOf(lane), rows),
		};
	}

	/** Counts what is on its way for an app. */
	async holding(app: string, work: () => Promise<void>): Promise<void> {
		add(this.#held, app, 1);
		try {
			await work();
		} finally {
			add(this.#held, app, -1);
		}
	}
}

const appOf = (lane: Lane): string => lane.appId ?? "";

function add(held: Map<string, number>, app: string, rows: number): void {
	const now = (held.get(app) ?? 0) + rows;
	if (now > 0) held.set(app, now);
	else held.delete(app);
}

/** One each, in turn, until there is no room or nobody may have more. `held` is written. */
function sharesOf(lanes: Lane[], room: number, held: Map<string, number>): Share[] {
	let left = room;
	/** Whether it may want another one. */
	const give = (share: Share): boolean => {
		const app = appOf(share.lane);
		if (left === 0 || !mayHaveOneMore(share, held.get(app) ?? 0, left)) return false;
		add(held, app, 1);
		share.most++;
		left--;
		return share.lane.busy + share.most < share.lane.slots;
	};
	const shares: Share[] = [];
	let turns: Share[] = [];
	for (const lane of lanes) {
		if (left === 0) break;
		const share = { lane, most: 0 };
		shares.push(share);
		if (give(share)) turns.push(share);
	}
	while (turns.length > 0) turns = turns.filter(give);
	return shares;
}

/** `holds`: its app, now; `left`: for everybody. The first one an app has always. */
function mayHaveOneMore({ lane, most }: Share, holds: number, left: number): boolean {
	if (holds === 0) return true;
	const [then, all] = [holds + 1, holds + left];
	return 5 * then <= 4 * all && (lane.busy + most === 0 || 25 * then <= 16 * all);
}
