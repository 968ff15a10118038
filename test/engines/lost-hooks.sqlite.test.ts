import { lostHooks } from "../suite/lost-hooks.ts";
import { freshSqlite } from "../support/sqlite.ts";

lostHooks(async () => freshSqlite());
