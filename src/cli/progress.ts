const LOOK_EVERY_MS = 250;
/** Where nobody watches the line being redrawn. */
const LINE_EVERY_MS = 5000;
const STALLED_MS = 30_000;
const WIDTH = 30;

export interface Progress {
	state: string;
	total: number;
	recovered: number;
}
export interface Watch<P extends Progress> {
	/** How far it is now. */
	read: () => Promise<P>;
	now: () => number;
	/** Resolves after `ms`, or at once when the watch is broken off. */
	wait: (ms: number) => Promise<void>;
	brokenOff: () => boolean;
	write: (text: string) => void;
	/** Whether one line can be redrawn. */
	redraws: boolean;
}

/** Shows a bar until what is watched runs no more, or the watch is broken off; returns how far it was then. */
export async function follow<P extends Progress>({ read, now, wait, brokenOff, write, redraws }: Watch<P>): Promise<P> {
	let movedAt = now();
	let saidAt = Number.NEGATIVE_INFINITY;
	let last = -1;
	let told = false;
	for (;;) {
		const seen = await read();
		const over = seen.state !== "running" || brokenOff();
		if (seen.recovered !== last) [last, movedAt, told] = [seen.recovered, now(), false];
		if (redraws) write(`\r${bar(seen)}\u001b[K${over ? "\n" : ""}`);
		else if (over || now() - saidAt >= LINE_EVERY_MS) {
			saidAt = now();
			write(`${bar(seen)}\n`);
		}
		if (over) return seen;
		if (!told && now() - movedAt >= STALLED_MS) {
			told = true;
			write(`${redraws ? "\n" : ""}${STALLED}\n`);
		}
		await wait(LOOK_EVERY_MS);
	}
}
const STALLED = "nothing has moved for 30 s: the running service does the work. Is it running, is the endpoint enabled and does it answer?";

function bar({ total, recovered }: Progress): string {
	const part = total === 0 ? 1 : Math.min(1, recovered / total);
	const filled = Math.floor(part * WIDTH);
	return `[${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${Math.floor(part * 100)}% ${recovered} of ${total} due again`;
}
