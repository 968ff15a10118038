import { isUnavailable } from "../errors.ts";

/** A database that breaks off is away for seconds; a lease is far longer. */
const WAITS_MS = [0, 250, 500, 1000, 2000, 4000, 5000, 5000];

/** What a batch has written whose answer was lost. Null while the database cannot say. */
export async function lookAgain<Row>(look: () => Promise<Row[]>): Promise<Row[] | null> {
	for (const ms of WAITS_MS) {
		if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
		try {
			return await look();
		} catch (e) {
			if (!isUnavailable(e)) throw e;
		}
	}
	return null;
}
