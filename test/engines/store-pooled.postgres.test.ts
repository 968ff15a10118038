import { describe } from "vitest";
import { storeSuite } from "../suite/store.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

describe("store on PostgreSQL, as behind a pooler that hands out connections by transaction", () =>
	storeSuite(() => emptyPostgres({ prepare: false })));
