import { describe } from "vitest";
import { gatewaySuite } from "../suite/gateway.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

describe("gateway on PostgreSQL", () => gatewaySuite(emptyPostgres));
