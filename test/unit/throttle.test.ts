import { expect, it } from "vitest";
import { Throttle } from "../../src/core/throttle.ts";

it("lets so many through in each second, and the next one tells how many it held back", () => {
	const throttle = new Throttle({ most: 2, everyMs: 1000 });
	const at = (ms: number, count: number) => Array.from({ length: count }, () => throttle.pass(ms));
	expect(at(5000, 4)).toEqual([0, 0, null, null]);
	expect(at(5999, 1)).toEqual([null]);
	expect(at(6000, 3)).toEqual([3, 0, null]);
	expect(at(99_000, 1)).toEqual([1]);
	expect(at(98_000, 1)).toEqual([0]); // a clock that was set back
});
