import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Permits } from "../../src/node/permits.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Asks in this order, `b` for background, and keeps who has got one and who was refused. */
function queue(permits: Permits) {
	const got: string[] = [];
	const refused: string[] = [];
	const giveBacks = new Map<string, () => void>();
	const ask = (name: string) =>
		void permits.take(name.startsWith("b")).then(
			(giveBack) => {
				got.push(name);
				giveBacks.set(name, giveBack);
			},
			(e: { code: string }) => void refused.push(`${name} ${e.code}`),
		);
	const giveBack = async (name: string) => {
		await vi.advanceTimersByTimeAsync(0);
		giveBacks.get(name)?.();
		await vi.advanceTimersByTimeAsync(0);
	};
	return { got, refused, ask, giveBack };
}

describe("permits", () => {
	it("are handed out in the order they were asked for", async () => {
		const { got, ask, giveBack } = queue(new Permits({ all: 1, background: 1 }));
		for (const name of ["a", "b1", "c", "b2"]) ask(name);
		for (const name of ["a", "b1", "c"]) await giveBack(name);
		expect(got).toEqual(["a", "b1", "c", "b2"]);
	});

	it("are never all in the background's hands, and who waits behind it passes", async () => {
		const { got, ask, giveBack } = queue(new Permits({ all: 3, background: 1 }));
		for (const name of ["b1", "b2", "b3", "a", "c", "d"]) ask(name);
		await vi.advanceTimersByTimeAsync(0);
		expect(got).toEqual(["b1", "a", "c"]);
		await giveBack("a");
		expect(got).toEqual(["b1", "a", "c", "d"]);
		await giveBack("c");
		expect(got).not.toContain("b2");
		await giveBack("b1");
		expect(got.at(-1)).toBe("b2");
	});

	it("reach the background in its turn however many requests wait behind it", async () => {
		const { got, ask, giveBack } = queue(new Permits({ all: 2, background: 1 }));
		for (const name of ["a", "c", "d", "b1", "e", "f"]) ask(name);
		await giveBack("a");
		await giveBack("c");
		expect(got).toEqual(["a", "c", "d", "b1"]);
	});

	it("are refused as unavailable after 2 s, and who was refused holds none", async () => {
		const { got, refused, ask, giveBack } = queue(new Permits({ all: 2, background: 1 }));
		for (const name of ["a", "b1", "b2", "c"]) ask(name);
		await vi.advanceTimersByTimeAsync(1999);
		expect(refused).toEqual([]);
		await vi.advanceTimersByTimeAsync(1);
		expect(refused).toEqual(["b2 unavailable", "c unavailable"]);
		await giveBack("a");
		await giveBack("b1");
		for (const name of ["d", "b3", "e"]) ask(name);
		await vi.advanceTimersByTimeAsync(0);
		expect(got).toEqual(["a", "b1", "d", "b3"]);
		expect(vi.getTimerCount()).toBe(1);
	});

	it("count once when they are given back twice", async () => {
		const { got, ask, giveBack } = queue(new Permits({ all: 1, background: 1 }));
		ask("a");
		await vi.advanceTimersByTimeAsync(0);
		await giveBack("a");
		await giveBack("a");
		for (const name of ["c", "d"]) ask(name);
		await vi.advanceTimersByTimeAsync(0);
		expect(got).toEqual(["a", "c"]);
	});
});
