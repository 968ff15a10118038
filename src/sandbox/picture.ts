import { encode } from "fast-png";
import { randomFrom } from "./random.ts";

export interface Picture {
	width: number;
	height: number;
	/** The same text always gives the same pixels. */
	seed: string;
}

/**
 * A PNG of soft diagonal bands. One palette byte per pixel keeps 2048×2048 at some tens of milliseconds
 * and 140 kB, because whoever runs the sandbox shares its thread.
 */
export function drawPicture({ width, height, seed }: Picture): Uint8Array<ArrayBuffer> {
	const random = randomFrom(seed);
	const palette = blend([color(random), color(random), color(random)]);
	const across = Math.round((0.4 + random()) * 65536 * (256 / width));
	const down = Math.round((0.4 + random()) * 65536 * (256 / height));
	const start = Math.floor(random() * 256) << 16;
	const data = new Uint8Array(width * height);
	let at = 0;
	for (let y = 0; y < height; y++) {
		let value = start + down * y;
		for (let x = 0; x < width; x++) {
			data[at++] = value >> 16;
			value += across;
		}
	}
	const png = encode({ width, height, data, depth: 8, channels: 1, palette, text: { Software: "jobhook sandbox" } });
	return new Uint8Array(png); // a buffer of exactly its size, as Response wants it
}

type Color = [red: number, green: number, blue: number];

const color = (random: () => number): Color => [40 + random() * 200, 40 + random() * 200, 40 + random() * 200];

/** 256 colors that run through the three and back to the first, so that bands meet without an edge. */
function blend(stops: [Color, Color, Color]): Color[] {
	const ring = [...stops, stops[0]];
	return Array.from({ length: 256 }, (_, i): Color => {
		const place = (i / 256) * 3;
		const from = ring[Math.floor(place)] ?? stops[0];
		const to = ring[Math.floor(place) + 1] ?? stops[0];
		const share = (1 - Math.cos((place % 1) * Math.PI)) / 2;
		const mix = (a: number, b: number) => Math.round(a + (b - a) * share);
		return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])];
	});
}
