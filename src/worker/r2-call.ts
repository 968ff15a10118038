import { JobhookError } from "../errors.ts";

/** A call that hangs would hold a claimed send until its lease is over. */
const DEADLINE_MS = 20_000;

/** One call to R2, with its deadline and with its trouble as `unavailable`. */
export async function inTime<T>(call: () => Promise<T>): Promise<T> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`R2 did not answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
	});
	try {
		return await Promise.race([call(), late]);
	} catch (cause) {
		const help = "if it stays so, look whether the bucket of the binding BLOBS is there";
		throw new JobhookError("unavailable", `the bucket of large bodies cannot be used now, ${help}`, { cause });
	} finally {
		clearTimeout(timer);
	}
}
