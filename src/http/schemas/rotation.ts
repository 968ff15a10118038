import { z } from "@hono/zod-openapi";

const HOUR_MS = 3_600_000;

/** Of a rotation's body. */
export const overlap = z.int().min(0).max(168).optional().openapi({
	description:
		"Hours for which the secret that is replaced signs beside the new one; 0 ends all older ones at once. Without it `SECRET_OVERLAP_H`",
});
export const overlapMs = (hours: number | undefined) => (hours === undefined ? undefined : hours * HOUR_MS);

export const previousSecrets = z
	.array(z.object({ expires_at: z.iso.datetime() }))
	.openapi({ description: "Those before the current one that still sign beside it, the one replaced last first" });
