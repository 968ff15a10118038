import type { AddressRules } from "../../src/core/address/guard.ts";

/** Rules under which everything may be reached that `allow` lists, and the public internet, at any port. */
export const reaching = (callbackAllow: string[] = []): AddressRules & { publicUrl: undefined; callbackDns: string[] } => ({
	callbackAllow,
	callbackDeny: [],
	callbackPorts: [[1, 65_535]],
	publicUrl: undefined,
	callbackDns: [],
});
