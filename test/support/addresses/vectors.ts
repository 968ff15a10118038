import type { AddressRules } from "../../../src/core/address/guard.ts";
import vectors from "./vectors.json" with { type: "json" };

/**
 * What becomes of an address: `refused` where a URL is stored and where it is dialled; `stored`, and refused when it is dialled;
 * `unknown`: stored, and nobody knows its addresses; `through`: stored and dialled.
 */
export type Fate = "refused" | "stored" | "unknown" | "through";

export interface Vector {
	/** Its URL. */
	url: string;
	class: string;
	why: string;
	fate: Fate;
	/** The host alone, where it is not about a whole URL. */
	host: string | null;
	/** Of names: what the name server says. */
	answers: Record<string, unknown> | null;
}

type Entry = { class: string; why: string; host?: string; port?: number; url?: string; expect?: string; answers?: Record<string, unknown> };

/** All of them. `port`: where somebody would hear of it if this machine were called, whatever the spelling. */
export const vectorsAt = (port: number): Vector[] =>
	(vectors as Entry[]).map((entry) => {
		const { host = null, answers = null } = entry;
		const fate = (entry.expect ?? "refused") as Fate;
		const at = entry.port ?? (fate === "through" ? null : port);
		const url = entry.url?.replaceAll("$PORT", String(port)) ?? `https://${host}${at === null ? "" : `:${at}`}/`;
		return { url, class: entry.class, why: entry.why, fate, host, answers };
	});

/** The ones that a gateway has whose settings say nothing of them. */
export const DEFAULT_RULES: AddressRules = {
	callbackAllow: [],
	callbackDeny: [],
	callbackPorts: [
		[80, 80],
		[443, 443],
		[1024, 65_535],
	],
};
/** Where the world reaches that gateway. */
export const OWN_URL = "https://gateway.test";
