import { z } from "@hono/zod-openapi";
import { LONGEST_OVERLAP_H } from "../../core/rotation.ts";

const HOUR_MS = 3_600_000;
const HOURS = `must be whole hours, 0 to ${LONGEST_OVERLAP_H}`;

/** Of a rotation's body. */
export const overlap = z.int(HOURS).min(0, HOURS).max(LONGEST_OVERLAP_H, HOURS).optional().openapi({
	description:
		"Hours for which the secret that is replaced signs beside the new one; 0 ends all older ones at once. Without it `SECRET_OVERLAP_H`",
});
export const overlapMs = (hours: number | undefined) => (hours === undefined ? undefined : hours * HOUR_MS);

export const previousSecrets = z
	.array(z.object({ expires_at: z.iso.datetime() }))
	.openapi({ description: "Those before the current one that still sign beside it, the one replaced last first" });
