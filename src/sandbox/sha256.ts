/** SHA-256 (FIPS 180-4) of bytes that come in pieces, which no Web API offers. */
export interface Sha256 {
	add(bytes: Uint8Array): void;
	hex(): string;
}

export function createSha256(): Sha256 {
	const state = Int32Array.from(start);
	const words = new Int32Array(64);
	const block = new Uint8Array(64);
	let filled = 0;
	let total = 0;

	function add(bytes: Uint8Array): void {
		total += bytes.length;
		let at = 0;
		if (filled > 0) {
			at = Math.min(64 - filled, bytes.length);
			block.set(bytes.subarray(0, at), filled);
			filled += at;
			if (filled < 64) return;
			mix(state, words, block, 0);
		}
		for (; at + 64 <= bytes.length; at += 64) mix(state, words, bytes, at);
		block.set(bytes.subarray(at));
		filled = bytes.length - at;
	}
	return {
		add,
		hex() {
			const bits = total * 8;
			const padding = new Uint8Array(filled < 56 ? 64 - filled : 128 - filled);
			padding[0] = 0x80;
			const view = new DataView(padding.buffer);
			view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
			view.setUint32(padding.length - 4, bits % 2 ** 32);
			add(padding);
			return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
		},
	};
}

/** One block of 64 bytes. Plain reads and no small arrays: uploads are large, and this is most of what they cost. */
function mix(state: Int32Array, w: Int32Array, bytes: Uint8Array, at: number): void {
	const word = (from: Int32Array, i: number): number => from[i] as number;
	const byte = (i: number): number => bytes[at + i] as number;
	for (let i = 0; i < 16; i++) w[i] = (byte(i * 4) << 24) | (byte(i * 4 + 1) << 16) | (byte(i * 4 + 2) << 8) | byte(i * 4 + 3);
	for (let i = 16; i < 64; i++) {
		const x = word(w, i - 15);
		const y = word(w, i - 2);
		const near = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
		const far = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
		w[i] = (word(w, i - 16) + near + word(w, i - 7) + far) | 0;
	}
	let a = word(state, 0);
	let b = word(state, 1);
	let c = word(state, 2);
	let d = word(state, 3);
	let e = word(state, 4);
	let f = word(state, 5);
	let g = word(state, 6);
	let h = word(state, 7);
	for (let i = 0; i < 64; i++) {
		const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + word(rounds, i) + word(w, i)) | 0;
		const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		h = g;
		g = f;
		f = e;
		e = (d + first) | 0;
		d = c;
		c = b;
		b = a;
		a = (first + second) | 0;
	}
	state[0] = word(state, 0) + a;
	state[1] = word(state, 1) + b;
	state[2] = word(state, 2) + c;
	state[3] = word(state, 3) + d;
	state[4] = word(state, 4) + e;
	state[5] = word(state, 5) + f;
	state[6] = word(state, 6) + g;
	state[7] = word(state, 7) + h;
}

const turn = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** The first primes; the constants are fractions of their square and cube roots, of which doubles hold enough. */
const primes = Array.from({ length: 310 }, (_, i) => i + 2).filter(
	(n) => !Array.from({ length: n - 2 }, (_, i) => i + 2).some((d) => n % d === 0),
);
const fraction = (root: number): number => ((root % 1) * 2 ** 32) | 0;
const start = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const rounds = Int32Array.from(primes.slice(0, 64), (prime) => fraction(Math.cbrt(prime)));
