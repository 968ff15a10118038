import { describe } from "vitest";
import { gatewaySuite } from "../suite/gateway.ts";
import { freshSqlite } from "../support/sqlite.ts";

describe("gateway on SQLite", () => gatewaySuite(async () => freshSqlite()));
