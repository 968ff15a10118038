import { ascii } from "./bytes.ts";
import { randomFrom } from "./random.ts";

export interface Sound {
	seconds: number;
	/** Points a second. */
	sampleRate: number;
	/** The same text always gives the same tones. */
	seed: string;
}

const longestSeconds = 30;
const noteSeconds = 0.25;
/** A pentatonic scale: whatever follows whatever, it does not hurt. */
const scaleHz = [220, 247.5, 277.2, 330, 371.25, 440, 495];

/** A WAV (16 bit, one channel) of soft tones; never longer than 30 s, because whoever runs the sandbox shares its thread. */
export function playSound({ seconds, sampleRate, seed }: Sound): Uint8Array<ArrayBuffer> {
	const random = randomFrom(seed);
	const points = Math.round(Math.min(seconds, longestSeconds) * sampleRate);
	const bytes = new Uint8Array(44 + points * 2);
	const view = new DataView(bytes.buffer);
	writeHeader(bytes, view, sampleRate);
	const noteLength = Math.ceil(noteSeconds * sampleRate);
	let step = 0;
	for (let i = 0; i < points; i++) {
		const inNote = i % noteLength;
		if (inNote === 0) step = (2 * Math.PI * (scaleHz[Math.floor(random() * scaleHz.length)] ?? 220)) / sampleRate;
		const swell = Math.sin((Math.PI * inNote) / noteLength); // from silence to silence, so that notes meet without a click
		view.setInt16(44 + i * 2, Math.round(9000 * swell * Math.sin(step * inNote)), true);
	}
	return bytes;
}

/** RIFF counts little-endian. */
function writeHeader(bytes: Uint8Array, view: DataView, sampleRate: number): void {
	bytes.set(ascii("RIFF"), 0);
	view.setUint32(4, bytes.length - 8, true);
	bytes.set(ascii("WAVEfmt "), 8);
	view.setUint32(16, 16, true);
	view.setUint16(20, 1, true);
	view.setUint16(22, 1, true);
	view.setUint32(24, sampleRate, true);
	view.setUint32(28, sampleRate * 2, true);
	view.setUint16(32, 2, true);
	view.setUint16(34, 16, true);
	bytes.set(ascii("data"), 36);
	view.setUint32(40, bytes.length - 44, true);
}
