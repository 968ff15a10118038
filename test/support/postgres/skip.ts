import { beforeEach, inject } from "vitest";

if (inject("postgresUrl") === null) beforeEach((context) => context.skip("no PostgreSQL server can be started here"));
