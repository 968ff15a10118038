import { describe } from "vitest";
import { gatewaySuite } from "../suite/gateway.ts";
import { emptyD1 } from "../support/workers/d1.ts";

describe("gateway on D1", () => gatewaySuite(emptyD1, ["receivers"]));
