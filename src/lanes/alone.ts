import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";

/** Runs one part or one row of a sweep. What it throws is logged, with what it was about, and stays its own: null then. */
export async function alone<T>({ log }: Pick<Deps, "log">, about: object, run: () => Promise<T>): Promise<T | null> {
	try {
		return await run();
	} catch (e) {
		log.error({ ...about, err: e, unavailable: isUnavailable(e) }, "sweep.failed");
		return null;
	}
}
