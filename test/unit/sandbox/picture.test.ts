import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { drawPicture } from "../../../src/sandbox/picture.ts";

describe("a picture", () => {
	it("has the size that was asked for and more than one color", () => {
		const { width, height, data, palette } = decode(drawPicture({ width: 257, height: 130, seed: "1:fox" }));
		expect([width, height, palette?.length]).toEqual([257, 130, 256]);
		expect(new Set(data).size).toBeGreaterThan(50);
	});

	it("is the same for the same seed and another for another", () => {
		const draw = (seed: string) => drawPicture({ width: 64, height: 64, seed });
		expect(draw("1:fox")).toEqual(draw("1:fox"));
		expect(draw("1:fox")).not.toEqual(draw("2:fox"));
		expect(draw("1:fox")).not.toEqual(draw("1:cat"));
	});

	it("stays small at the largest size a model allows", () => {
		expect(drawPicture({ width: 2048, height: 2048, seed: "42:fox" }).length).toBeLessThan(1_000_000);
	});
});
