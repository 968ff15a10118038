import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import { leaseMs } from "../lanes/claim.ts";
import { type Claimed, holdLease, submissionWork } from "./sql/work.ts";

/**
 * Holds a claimed submission while files are on their way, which may take longer than a lease: it is given a new one each third
 * of its time, for as long as this process lives.
 */
export async function holding<T>(deps: Deps, { id: submission, claimId: claim }: Claimed, work: () => Promise<T>): Promise<T> {
	const lease = leaseMs(submissionWork, deps.config);
	const hold = async () => {
		try {
			const [held] = await deps.db.batch([holdLease.bind({ submission, claim, until: deps.clock.now() + lease })]);
			if (held.length > 0) return;
			clearInterval(timer); // somebody else decided about it; what comes of this will change nothing
			deps.log.warn({ submission }, "lease.lost");
		} catch (e) {
			if (!isUnavailable(e)) deps.log.error({ submission, err: e }, "lease.not_held");
		}
	};
	const timer = setInterval(() => void hold(), lease / 3);
	try {
		return await work();
	} finally {
		clearInterval(timer);
	}
}
