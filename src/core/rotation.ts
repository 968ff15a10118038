/** A secret that was replaced, sealed; it signs beside the current one for as long as `until`, epoch milliseconds, is ahead. */
export interface OldSecret {
	secret: string;
	until: number;
}

/** The current one and those before it. */
export const MOST_ACTIVE = 3;
/** Hours that one of them may sign beside the next at most. */
export const LONGEST_OVERLAP_H = 168;

/** What a row keeps as JSON, the one replaced last first. */
export const readOld = (text: string | null): OldSecret[] => (text === null ? [] : (JSON.parse(text) as OldSecret[]));
export const storedOld = (old: readonly OldSecret[]): string | null => (old.length === 0 ? null : JSON.stringify(old));

/** At `until` itself it is over. */
export const activeAt = (old: readonly OldSecret[], nowMs: number): OldSecret[] => old.filter(({ until }) => until > nowMs);

export interface Rotation {
	/** 0 ends all older ones at once. */
	overlapMs: number;
	nowMs: number;
	/** Whether a sealed value is the new secret itself, which need not sign twice. */
	isNew(sealed: string): boolean;
}

/** What is kept of the secrets before the new one; or, where it would be one too many, when the next of them ends. */
export function afterRotation(
	current: string,
	old: readonly OldSecret[],
	{ overlapMs, nowMs, isNew }: Rotation,
): { old: OldSecret[] } | { fullUntil: number } {
	if (overlapMs === 0) return { old: [] };
	const kept = [{ secret: current, until: nowMs + overlapMs }, ...activeAt(old, nowMs)].filter(({ secret }) => !isNew(secret));
	if (kept.length < MOST_ACTIVE) return { old: kept };
	return { fullUntil: Math.min(...activeAt(old, nowMs).map(({ until }) => until)) };
}
