import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { playSound } from "../../../src/sandbox/sound.ts";
import { filmClip } from "../../../src/sandbox/video.ts";

/** Every box of an MP4 by its path; read by the standard, not by the code that wrote it. */
function boxesOf(bytes: Uint8Array): Map<string, DataView> {
	const found = new Map<string, DataView>();
	const walk = (from: number, to: number, path: string): void => {
		for (let at = from; at < to; ) {
			const view = new DataView(bytes.buffer, at);
			const size = view.getUint32(0);
			const name = `${path}${String.fromCharCode(...bytes.subarray(at + 4, at + 8))}`;
			found.set(name, new DataView(bytes.buffer, at + 8, size - 8));
			if (/(moov|trak|mdia|minf|stbl)$/.test(name)) walk(at + 8, at + size, `${name}/`);
			at += size;
		}
	};
	walk(0, bytes.length, "");
	return found;
}
const table = "moov/trak/mdia/minf/stbl";

describe("a clip", () => {
	it("is an MP4 with the size, the length and the pace that were asked for", () => {
		const boxes = boxesOf(filmClip({ width: 512, height: 288, frames: 60, fps: 30, seed: "1:fox" }));
		expect([...boxes.keys()].filter((name) => !name.includes("/"))).toEqual(["ftyp", "moov", "mdat"]);
		const header = boxes.get("moov/mvhd")!;
		expect([header.getUint32(12), header.getUint32(16)]).toEqual([30, 60]); // ticks a second, ticks
		const track = boxes.get("moov/trak/tkhd")!;
		expect([track.getUint32(76) / 65536, track.getUint32(80) / 65536]).toEqual([512, 288]);
		expect(boxes.get(`${table}/stsz`)!.getUint32(8)).toBe(60);
	});

	it("has every frame where its tables say, and a key frame each second", () => {
		const bytes = filmClip({ width: 410, height: 512, frames: 75, fps: 24, seed: "1:fox" });
		const boxes = boxesOf(bytes);
		const whole = new DataView(bytes.buffer);
		const sizes = boxes.get(`${table}/stsz`)!;
		const keys = boxes.get(`${table}/stss`)!;
		expect(Array.from({ length: keys.getUint32(4) }, (_, i) => keys.getUint32(8 + i * 4))).toEqual([1, 25, 49, 73]);
		let at = boxes.get(`${table}/stco`)!.getUint32(8);
		expect(at).toBe(boxes.get("mdat")!.byteOffset);
		for (let frame = 1; frame <= 75; frame++) {
			const size = sizes.getUint32(8 + frame * 4);
			expect(whole.getUint32(at)).toBe(size - 4);
			expect(whole.getUint8(at + 4) & 31).toBe(frame % 24 === 1 ? 5 : 1);
			at += size;
		}
		expect(at).toBe(bytes.length);
	});

	it("is the very bytes that FFmpeg was seen to decode, frame by frame and without a complaint", () => {
		const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
		expect(sha256(filmClip({ width: 512, height: 512, frames: 120, fps: 30, seed: "a" }))).toBe(
			"0b376cdd8ac15f8815100bdd1debd2aa21d6141bdaa0ca689c0fa46c6f20e8c0",
		);
		expect(sha256(filmClip({ width: 819, height: 1024, frames: 241, fps: 24, seed: "d" }))).toBe(
			"be5001826e6b808b919e7c88c00f3f4d8fafee374da87bdf9a27ae8d9f59644e",
		);
	});

	it("stays small at the largest size a model allows, and is another for another seed", () => {
		const film = (seed: string) => filmClip({ width: 1024, height: 1024, frames: 241, fps: 24, seed });
		expect(film("1:fox").length).toBeLessThan(100_000);
		expect(film("1:fox")).not.toEqual(film("2:fox"));
	});
});

describe("a sound", () => {
	it("is a WAV of 16 bit and one channel, with the rate and the length that were asked for", () => {
		const bytes = playSound({ seconds: 2, sampleRate: 8000, seed: "a" });
		const view = new DataView(bytes.buffer);
		const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
		expect([text(0, 4), text(8, 16), text(36, 40)]).toEqual(["RIFF", "WAVEfmt ", "data"]);
		expect([view.getUint16(20, true), view.getUint16(22, true), view.getUint16(34, true)]).toEqual([1, 1, 16]);
		expect([view.getUint32(24, true), view.getUint32(28, true), view.getUint32(40, true)]).toEqual([8000, 16_000, 32_000]);
		expect([view.getUint32(4, true) + 8, bytes.length]).toEqual([32_044, 32_044]);
	});

	it("can be heard, and is the same for the same seed alone", () => {
		const play = (seed: string) => playSound({ seconds: 1, sampleRate: 8000, seed });
		const points = new Int16Array(play("a").buffer, 44);
		expect(Math.max(...points)).toBeGreaterThan(5000);
		expect(Math.min(...points)).toBeLessThan(-5000);
		expect(play("a")).toEqual(play("a"));
		expect(play("a")).not.toEqual(play("b"));
	});

	it("never lasts longer than half a minute", () => {
		expect(playSound({ seconds: 600, sampleRate: 8000, seed: "a" })).toHaveLength(44 + 30 * 16_000);
	});
});
