import { z } from "@hono/zod-openapi";
import type { JobType, Ladder } from "../provider.ts";

export interface DeapiType extends JobType {
	/** The route below `/api/v1/client`. */
	path: string;
	/** What is sent where the client says nothing. */
	defaults: Readonly<Record<string, unknown>>;
	/** What models call this type. */
	inference: readonly string[];
	/** Fields of the input that a model's limits speak of, under deAPI's name of the limit. */
	ranged: Readonly<Record<string, string>>;
}

const ladder = (hookedMs: number, unhookedMs: number): { hooked: Ladder; unhooked: Ladder } => ({
	hooked: { firstMs: hookedMs, maxMs: Math.max(60_000, hookedMs) },
	unhooked: { firstMs: unhookedMs, maxMs: 60_000 },
});
/** First polls; without hooks as deAPI's own MCP server asks. */
export const LADDERS = {
	image: ladder(30_000, 2000),
	audio: ladder(45_000, 1000),
	video: ladder(90_000, 5000),
	embedding: ladder(30_000, 500),
	words: ladder(45_000, 2000),
} as const;

/** Fields and their kinds as deAPI documents them; the ranges belong to each model. */
export const text = (max = 65_536) => z.string().min(1).max(max);
export const pixels = z.int().min(1).max(8192);
export const seed = z.int().min(-1).optional().openapi({ description: "-1, the default: random" });
export const inline = z.boolean().optional().openapi({ description: "deAPI's own switch; the result comes with the job either way" });
export const RANDOM = { seed: -1 } as const;
export const SIZE = { width: "width", height: "height" } as const;
