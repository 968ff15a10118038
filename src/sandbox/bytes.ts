/** Bytes, or small numbers that are some. */
export type Bytes = Uint8Array | readonly number[];

/** A buffer of exactly its size, as Response wants it. */
export function concat(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
	const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => concat([new TextEncoder().encode(text)]);

/** Big-endian, as MP4 counts. */
export const u16 = (value: number): number[] => [value >>> 8, value & 255];
export const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
export const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
