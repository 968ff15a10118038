import { z } from "@hono/zod-openapi";

const MOST_S = 60;
const SAY = `must be a whole number of seconds from 1 to ${MOST_S}`;

/** `?wait=`: how long an answer may be held back until the job has ended, milliseconds. */
export const waitParam = {
	wait: z
		.string()
		.regex(/^[1-9]\d?$/, SAY)
		.transform((text) => Number(text) * 1000)
		.refine((ms) => ms <= MOST_S * 1000, SAY)
		.optional()
		.openapi({
			type: "integer",
			minimum: 1,
			maximum: MOST_S,
			description: "Answer when the job has ended, at the latest after so many seconds",
		}),
};
