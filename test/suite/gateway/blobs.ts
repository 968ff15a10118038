import type { Db } from "../../../src/db/db.ts";
import { longInputs } from "./blobs-inputs.ts";
import { rowLimits } from "./blobs-limits.ts";
import { longResults } from "./blobs-results.ts";
import { blobSweep } from "./blobs-sweep.ts";

/** What is too large for a row of D1, on any engine and in any store. */
export function blobs(open: () => Promise<Db>): void {
	longInputs(open);
	longResults(open);
	blobSweep(open);
	rowLimits(open);
}
