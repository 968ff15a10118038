import { iso } from "../../core/clock.ts";
import { newId } from "../../core/ids.ts";
import type { Bound } from "../../db/db.ts";
import type { Deps } from "../../deps.ts";
import { fanOutNotice } from "../fanout.ts";
import * as sql from "./sql.ts";
import type { NoticeType } from "./types.ts";

/** A fact that the operator is told of where the batch that `work` ends has made it true. */
export interface Notice {
	readonly type: NoticeType;
	/** For the log: ids and words, no secrets. */
	readonly fields: Readonly<Record<string, string | number | null>>;
	/** `[event, count, deliveries]`; or one alone that returns a row where the fact became true, of what is only logged. */
	readonly work: readonly Bound<unknown>[];
}

/** What a notice is, besides the statement that stores it. */
export interface Fact {
	type: NoticeType;
	/** What it is about, e.g. `ep_…:failing`, and what tells it from the one before about the same. */
	about: string;
	revision: number;
	now: number;
	data: Readonly<Record<string, unknown>>;
	/** The endpoint that is never told. */
	except: string | null;
	fields: Notice["fields"];
}

/** The event is stored by `raise`; all that follows requires it. `count`: in place of one for each event. */
export function noticeOf(
	fact: Fact,
	raise: (row: sql.Raised) => Bound<unknown>,
	count: (event: string) => Bound<unknown> = (event) => sql.countEvent.bind({ event }),
): Notice {
	const { type, about, revision, now, data, except, fields } = fact;
	const event = newId("evt", now);
	const body = JSON.stringify({ id: event, type, timestamp: iso(now), data });
	return { type, fields, work: [raise({ event, about, type, revision, body, now }), count(event), fanOutNotice({ event, now, except })] };
}

/** All that these add to a batch, as its last statements. In one order wherever they are raised, so that no two batches wait for each other. */
export const workOf = (notices: readonly Notice[]): Bound<unknown>[] => inOrder(notices).flatMap(({ work }) => work);

/** What became true is logged, and its deliveries are woken. `results`: of the batch that ended with `workOf` of the same notices. */
export function tellNotices(deps: Pick<Deps, "log" | "wake">, notices: readonly Notice[], results: readonly (readonly unknown[])[]): void {
	let at = results.length - workOf(notices).length;
	for (const { type, fields, work } of inOrder(notices)) {
		const [stored = [], counted = [], made = []] = results.slice(at, at + work.length);
		at += work.length;
		if (stored.length + counted.length === 0) continue;
		deps.log.warn(fields, type);
		for (const { id, at: dueAt } of made as { id: string; at: number | null }[])
			if (dueAt !== null) deps.wake({ kind: "delivery", id, at: dueAt });
	}
}

const inOrder = (notices: readonly Notice[]) => notices.toSorted((a, b) => (a.type < b.type ? -1 : 1));
