import type { D1Database } from "@cloudflare/workers-types";

/** D1 as it is, but for the moments in which it says that it cannot: the words are Cloudflare's. */
export function sickD1(real: D1Database, sick: () => string | null): D1Database {
	const refuse = async () => {
		const words = sick();
		if (words !== null) throw new Error(`D1_ERROR: ${words}`);
	};
	const statement = (inner: ReturnType<D1Database["prepare"]>): unknown => ({
		inner,
		bind: (...params: unknown[]) => statement(inner.bind(...params)),
		raw: async () => {
			await refuse();
			return inner.raw();
		},
	});
	return {
		prepare: (text: string) => statement(real.prepare(text)),
		batch: async (statements: { inner: ReturnType<D1Database["prepare"]> }[]) => {
			await refuse();
			return real.batch(statements.map(({ inner }) => inner));
		},
	} as unknown as D1Database;
}
