import type { Db } from "../../src/db/db.ts";
import { batches } from "./store/batches.ts";
import { breaker } from "./store/breaker.ts";
import { claims } from "./store/claims.ts";
import { statements } from "./store/statements.ts";
import { turns } from "./store/turns.ts";

/** What the storage port promises, for any engine. `open` gives an empty, migrated database. */
export function storeSuite(open: () => Promise<Db>): void {
	batches(open);
	statements(open);
	claims(open);
	turns(open);
	breaker(open);
}
