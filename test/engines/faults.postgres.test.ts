import { describe } from "vitest";
import { faultsSuite, loads } from "../suite/faults.ts";
import { emptyPostgres } from "../support/postgres/database.ts";

describe("faults on PostgreSQL", () => faultsSuite(emptyPostgres, loads[process.env["FAULTS"] === "full" ? "full" : "quick"]));
