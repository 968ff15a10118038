import { lostHooks } from "../suite/lost-hooks.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

lostHooks(emptyPostgres);
