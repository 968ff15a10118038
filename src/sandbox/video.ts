import { ascii, type Bytes, concat, u16, u32 } from "./bytes.ts";
import { keyFrame, parameterSets, type Shade, type Size, sameFrame } from "./h264.ts";
import { randomFrom } from "./random.ts";

export interface Clip {
	/** Pixels; an odd one loses its last. */
	width: number;
	height: number;
	frames: number;
	/** Frames per second, a whole number. */
	fps: number;
	/** The same text always gives the same bytes. */
	seed: string;
}

/** An MP4 (ISO 14496-12 and -15) that plays anywhere: H.264, one plain colour a second, some kilobytes. */
export function filmClip({ width, height, frames, fps, seed }: Clip): Uint8Array<ArrayBuffer> {
	const random = randomFrom(seed);
	const size = { width: width - (width % 2), height: height - (height % 2) };
	const samples = Array.from({ length: frames }, (_, i) => {
		const since = i % fps;
		const unit = since === 0 ? keyFrame(size, shade(random), i / fps) : sameFrame(size, since);
		return concat([u32(unit.length), unit]);
	});
	const type = box("ftyp", ascii("isom"), u32(512), ascii("isomiso2avc1mp41"));
	const movie = (offset: number) => moov(size, samples, fps, offset);
	const offset = type.length + movie(0).length + 8;
	return concat([type, movie(offset), box("mdat", ...samples)]);
}

const shade = (random: () => number): Shade => [random() * 120 - 60, random() * 120 - 60, random() * 120 - 60];

function box(type: string, ...parts: Bytes[]): Uint8Array {
	const size = parts.reduce((sum, part) => sum + part.length, 8);
	return concat([u32(size), ascii(type), ...parts]);
}
/** A box that begins with version 0 and flags. */
const full = (type: string, flags: number, ...parts: Bytes[]): Uint8Array => box(type, u32(flags), ...parts);

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const one = 0x10000;
const unturned = [one, 0, 0, 0, one, 0, 0, 0, 0x40000000].flatMap(u32);

/** Everything but the pictures. One tick is one frame. */
function moov({ width, height }: Size, samples: readonly Uint8Array[], fps: number, offset: number): Uint8Array {
	const ticks = u32(samples.length);
	const times = [...u32(0), ...u32(0)];
	const header = full("mvhd", 0, times, u32(fps), ticks, u32(one), u16(0x100), zeros(10), unturned, zeros(24), u32(2));
	const shown = [...u32(width * one), ...u32(height * one)];
	const track = full("tkhd", 3, times, u32(1), u32(0), ticks, zeros(16), unturned, shown);
	const media = full("mdhd", 0, times, u32(fps), ticks, u16(0x55c4), u16(0)); // language: undetermined
	const handler = full("hdlr", 0, u32(0), ascii("vide"), zeros(12), ascii("sandbox\0"));
	const where = box("dinf", full("dref", 0, u32(1), full("url ", 1)));
	const table = sampleTable({ width, height }, samples, fps, offset);
	const info = box("minf", full("vmhd", 1, zeros(8)), where, table);
	return box("moov", header, box("trak", track, box("mdia", media, handler, info)));
}

function sampleTable({ width, height }: Size, samples: readonly Uint8Array[], fps: number, offset: number): Uint8Array {
	const { sps, pps } = parameterSets({ width, height });
	const config = box("avcC", [1, ...sps.subarray(1, 4), 0xff, 0xe1], u16(sps.length), sps, [1], u16(pps.length), pps);
	const picture = [...zeros(16), ...u16(width), ...u16(height), ...u32(72 * one), ...u32(72 * one), ...zeros(4)];
	const entry = box("avc1", zeros(6), u16(1), picture, u16(1), zeros(32), u16(24), u16(0xffff), config);
	const keys = Array.from({ length: Math.ceil(samples.length / fps) }, (_, i) => i * fps + 1);
	return box(
		"stbl",
		full("stsd", 0, u32(1), entry),
		full("stts", 0, u32(1), u32(samples.length), u32(1)),
		full("stss", 0, u32(keys.length), keys.flatMap(u32)),
		full("stsc", 0, u32(1), u32(1), u32(samples.length), u32(1)),
		full(
			"stsz",
			0,
			u32(0),
			u32(samples.length),
			samples.flatMap((sample) => u32(sample.length)),
		),
		full("stco", 0, u32(1), u32(offset)),
	);
}
