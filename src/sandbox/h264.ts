/** How far a frame is from middle grey: added to luma and both chromas, about -100 to 100 each. */
export type Shade = [luma: number, blue: number, red: number];

/** Even, because chroma has half the points each way. */
export interface Size {
	width: number;
	height: number;
}

/** Units of an H.264 baseline stream (ITU-T H.264, 7.3) without start codes: only what frames of one colour need. */
export function parameterSets({ width, height }: Size): { sps: Uint8Array; pps: Uint8Array } {
	const [across, down] = [blocks(width), blocks(height)];
	const sps = createBits([0x67, 66, 0xc0, 51]);
	for (const value of [0, 0, 2, 1]) sps.ue(value); // id, 4 bits of frame_num, output order is decode order, one reference
	sps.put(0, 1);
	sps.ue(across - 1);
	sps.ue(down - 1);
	sps.put(0b11, 2);
	const [right, bottom] = [(across * 16 - width) / 2, (down * 16 - height) / 2];
	sps.put(1, 1);
	for (const crop of [0, right, 0, bottom]) sps.ue(crop);
	sps.put(0, 1);

	const pps = createBits([0x68]);
	pps.ue(0);
	pps.ue(0);
	pps.put(0, 2);
	for (const value of [0, 0, 0]) pps.ue(value);
	pps.put(0, 3);
	pps.se(qp - 26);
	pps.se(0);
	pps.se(0);
	pps.put(0, 3);
	return { sps: sps.unit(), pps: pps.unit() };
}

/** Every block is predicted from its neighbours; the first one alone carries the colour, and the others take it over. */
export function keyFrame(size: Size, shade: Shade, index: number): Uint8Array {
	const slice = createBits([0x65]);
	for (const value of [0, 7, 0]) slice.ue(value);
	slice.put(0, 4);
	slice.ue(index % 2); // neighbouring key frames must differ in it
	slice.put(0, 2);
	slice.se(0);
	slice.put(0b0001000, 7); // ue(7): 16×16, mean of the neighbours, chroma has a DC part
	slice.put(0b11, 2);
	level(slice, Math.round(shade[0] / 0.625), 0b000101, 6, 1);
	level(slice, Math.round(shade[1] / 1.25), 0b000111, 6, 2);
	level(slice, Math.round(shade[2] / 1.25), 0b000111, 6, 2);
	for (let i = blocks(size.width) * blocks(size.height); i > 1; i--) slice.put(0b00100111, 8); // the same without anything of its own
	return slice.unit();
}

/** The frame before it once more: every block skipped. `since` counts from the key frame, 1 for the first one after it. */
export function sameFrame({ width, height }: Size, since: number): Uint8Array {
	const slice = createBits([0x41]);
	for (const value of [0, 5, 0]) slice.ue(value);
	slice.put(since % 16, 4);
	slice.put(0, 3);
	slice.se(0);
	slice.ue(blocks(width) * blocks(height));
	return slice.unit();
}

/** At this one a step of the DC level is 0.625 of luma and 1.25 of chroma. */
const qp = 24;
const blocks = (pixels: number): number => Math.ceil(pixels / 16);

/** One DC coefficient as CAVLC writes it (9.2), or its absence: `none` bits of which the last is 1. */
function level(bits: Bits, value: number, oneCoefficient: number, length: number, none: number): void {
	if (Math.abs(value) < 2) {
		bits.put(1, none); // ±1 would be spelled otherwise, and nobody sees it
		return;
	}
	bits.put(oneCoefficient, length);
	const code = 2 * Math.abs(value) - (value > 0 ? 4 : 3);
	if (code < 14) bits.put(1, code + 1);
	else if (code < 30) {
		bits.put(1, 15);
		bits.put(code - 14, 4);
	} else {
		bits.put(1, 16);
		bits.put(code - 30, 12);
	}
	bits.put(1, 1); // no zeros before it
}

interface Bits {
	put(value: number, length: number): void;
	/** Exp-Golomb: unsigned, signed. */
	ue(value: number): void;
	se(value: number): void;
	/** The whole unit, with the stop bit and without three bytes that look like a start code. */
	unit(): Uint8Array;
}

function createBits(header: readonly number[]): Bits {
	const bytes = [...header];
	let byte = 0;
	let filled = 0;
	function put(value: number, length: number): void {
		for (let i = length - 1; i >= 0; i--) {
			byte = (byte << 1) | ((value >>> i) & 1);
			filled++;
			if (filled < 8) continue;
			bytes.push(byte);
			byte = 0;
			filled = 0;
		}
	}
	const ue = (value: number): void => put(value + 1, 2 * Math.floor(Math.log2(value + 1)) + 1);
	return {
		put,
		ue,
		se: (value) => ue(value > 0 ? 2 * value - 1 : -2 * value),
		unit() {
			put(1, 1);
			put(0, (8 - filled) % 8);
			const safe: number[] = [];
			let zeros = 0;
			for (const next of bytes) {
				if (zeros >= 2 && next <= 3) {
					safe.push(3);
					zeros = 0;
				}
				safe.push(next);
				zeros = next === 0 ? zeros + 1 : 0;
			}
			return Uint8Array.from(safe);
		},
	};
}
