import { isUnavailable } from "../errors.ts";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;

/**
 * Writes down what happened outside and cannot be asked again, e.g. the id a provider gave: while the database cannot
 * take it, tries again, for as long as this process lives.
 */
export async function insist<T>(write: () => Promise<T>): Promise<T> {
	for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
		try {
			return await write();
		} catch (e) {
			if (!isUnavailable(e)) throw e;
			await new Promise((resolve) => setTimeout(resolve, wait));
		}
	}
}
