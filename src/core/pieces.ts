/** What is set aside at first: most bodies are small. */
const FIRST_BYTES = 65_536;

/** The same bytes in pieces of one size, the last one shorter; none of no bytes. A piece is nobody else's memory. */
export async function* inPieces(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void, undefined> {
	let piece = new Uint8Array(Math.min(size, FIRST_BYTES));
	let filled = 0;
	for await (const chunk of chunks)
		for (let at = 0; at < chunk.length; ) {
			const part = chunk.subarray(at, at + size - filled);
			if (filled + part.length > piece.length) piece = grown(piece, Math.min(size, Math.max(2 * piece.length, filled + part.length)));
			piece.set(part, filled);
			at += part.length;
			filled += part.length;
			if (filled < size) continue;
			yield piece;
			piece = new Uint8Array(Math.min(size, FIRST_BYTES));
			filled = 0;
		}
	if (filled > 0) yield piece.subarray(0, filled);
}

function grown(piece: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
	const larger = new Uint8Array(size);
	larger.set(piece);
	return larger;
}
