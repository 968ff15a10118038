import { iso } from "../core/clock.ts";
import { afterRotation, MOST_ACTIVE, type OldSecret, readOld, storedOld } from "../core/rotation.ts";
import type { Place } from "../core/secretbox.ts";
import { sameText } from "../core/signature.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { Bound } from "./db.ts";

/** A row with a sealed secret and those before it. */
export interface Rotated {
	place: Place;
	read: Bound<{ secret: string; oldSecrets: string | null }>;
	/** Returns a row only where the secret is still `seen`. */
	write(values: { seen: string; secret: string; oldSecrets: string | null; now: number }): Bound<unknown>;
}

/** Each that fails means that another rotation succeeded. */
const TRIES = 10;

/**
 * Replaces a row's secret; the one it replaces signs for `overlapMs` more. Of several at once each sees what the one before
 * it made. Null when the row is not there; `not_possible` when that would be more secrets than may sign at a time.
 */
export async function rotateRow(
	deps: Pick<Deps, "db" | "clock" | "secrets">,
	row: Rotated,
	wish: { secret: string; overlapMs: number },
): Promise<{ old: OldSecret[] } | null> {
	const isNew = (sealed: string) => {
		try {
			return sameText(deps.secrets.open(sealed, row.place), wish.secret);
		} catch {
			return false;
		}
	};
	for (let attempt = 0; attempt < TRIES; attempt++) {
		const [found] = await deps.db.read(row.read);
		if (found === undefined) return null;
		const now = deps.clock.now();
		const after = afterRotation(found.secret, readOld(found.oldSecrets), { overlapMs: wish.overlapMs, nowMs: now, isNew });
		if ("fullUntil" in after) throw full(after.fullUntil);
		const values = { seen: found.secret, secret: deps.secrets.seal(wish.secret, row.place), oldSecrets: storedOld(after.old), now };
		const [written] = await deps.db.batch([row.write(values)]);
		if (written.length > 0) return after;
	}
	throw new JobhookError("unavailable", "this secret is being rotated by others; nothing was changed, try again");
}

const full = (untilMs: number) =>
	new JobhookError(
		"not_possible",
		`${MOST_ACTIVE} secrets sign at a time, and as many do until ${iso(untilMs)}: rotate after that, or with an overlap of 0 hours (overlap_h: 0), which ends all older ones at once`,
	);
