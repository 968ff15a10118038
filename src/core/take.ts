import type { HttpRequest } from "./http.ts";

/** `error` is what `take` threw of its own accord: nothing was wrong with the network. */
export class Thrown extends Error {
	readonly error: unknown;
	constructor(error: unknown) {
		super("the taker of a body threw");
		this.error = error;
	}
}

type Take = NonNullable<HttpRequest["take"]>;

/**
 * Hands a body to `take`. Rejects with `Thrown`, or with the error of the body, which `take` may make of it what it likes; on
 * `over` at once, whatever `take` is at then. Closing what is left of the body is the caller's.
 */
export async function handOver(
	take: Take,
	head: Parameters<Take>[0],
	body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
	over: AbortSignal,
): Promise<void> {
	const ended = new Promise<never>((_, reject) => {
		const end = () => reject(over.reason);
		if (over.aborted) end();
		else over.addEventListener("abort", end, { once: true });
	});
	let broken: { error: unknown } | null = null;
	async function* chunks() {
		try {
			yield* body;
		} catch (error) {
			broken = { error };
			throw error;
		}
	}
	const taking = async () => {
		try {
			await take(head, chunks());
		} catch (error) {
			if (broken === null) throw new Thrown(error);
		}
		if (broken !== null) throw (broken as { error: unknown }).error;
	};
	await Promise.race([taking(), ended]);
}
