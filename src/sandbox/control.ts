import { Hono } from "hono";
import type { Log } from "./log.ts";

interface Turnable {
	readonly now: object;
	patch(patch: unknown): string[];
	reset(): void;
}

/** Turn the knobs, read what was called. Without a key, because the sandbox only ever listens on this machine. */
export function createControl(knobs: Turnable, calls: Log<object>): Hono {
	const control = new Hono();
	control.get("/knobs", (c) => c.json(knobs.now));
	control.patch("/knobs", async (c) => {
		const patch: unknown = await c.req.json().catch(() => null);
		const problems = knobs.patch(patch);
		return problems.length === 0 ? c.json(knobs.now) : c.json({ message: problems.join("; ") }, 400);
	});
	control.delete("/knobs", (c) => {
		knobs.reset();
		return c.json(knobs.now);
	});
	control.get("/calls", (c) => c.json({ data: calls.list() }));
	return control;
}
