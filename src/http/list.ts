import { z } from "@hono/zod-openapi";
import { type IdPrefix, idAt, parseId } from "../core/ids.ts";
import type { Page } from "../db/page.ts";

const LIMIT = 25;
const MOST = 100;
const SAY_LIMIT = `must be a whole number from 1 to ${MOST}`;

/** `?limit=` and `?cursor=` of a list whose rows have ids of that prefix. */
export const pageParams = (prefix: IdPrefix) => ({
	limit: z
		.string()
		.regex(/^[1-9]\d{0,3}$/, SAY_LIMIT)
		.transform(Number)
		.refine((n) => n <= MOST, SAY_LIMIT)
		.optional()
		.openapi({ type: "integer", minimum: 1, maximum: MOST, default: LIMIT, description: "How many at most" }),
	cursor: z
		.string()
		.transform((text, check) => {
			const id = Buffer.from(text, "base64url").toString();
			if (parseId(prefix, id) === id && cursorOf(id) === text) return id;
			check.addIssue({ code: "custom", message: "must be the next_cursor of a page of this list" });
			return z.NEVER;
		})
		.optional()
		.openapi({ type: "string", description: "The `next_cursor` of the page before" }),
});

/** As epoch milliseconds. `hint`: what is said besides to whoever sends no time. */
export const isoTime = (hint = "") =>
	z
		.union([z.iso.datetime({ offset: true }), z.iso.date()], `must be an ISO-8601 time, like 2026-01-15T10:30:45Z${hint}`)
		.transform((text) => Math.max(0, Date.parse(text)));
const time = (description: string) =>
	isoTime(" (write a + as %2B)").optional().openapi({ type: "string", format: "date-time", description });

/** `?created_after=` and `?created_before=`. */
export const timeParams = {
	created_after: time("Made at this time or later"),
	created_before: time("Made before this time"),
};

/** An id as a filter, in both spellings. */
export const idParam = (prefix: IdPrefix, description: string) =>
	z
		.string()
		.transform((text, check) => {
			const id = parseId(prefix, text);
			if (id !== null) return id;
			check.addIssue({ code: "custom", message: `must be an id, like ${prefix}_019365f0a1b27c3d8e4f5061728394a5` });
			return z.NEVER;
		})
		.optional()
		.openapi({ type: "string", description });

interface PageQuery {
	limit?: number | undefined;
	cursor?: string | undefined;
	created_after?: number | undefined;
	created_before?: number | undefined;
}

/** Ids begin with their time in 12 hex digits; `g` is behind every hex digit. */
export function pageOf(prefix: IdPrefix, query: PageQuery): Page {
	const end = query.created_before === undefined ? `${prefix}_g` : idAt(prefix, query.created_before);
	return {
		limit: query.limit ?? LIMIT,
		before: query.cursor !== undefined && query.cursor < end ? query.cursor : end,
		from: idAt(prefix, query.created_after ?? 0),
	};
}

/** A page as it is answered, of rows that were read with one more than is shown. A short one goes on before `rest`. */
export function listed<Row extends { id: string }>(
	rows: Row[],
	{ limit }: Page,
	rest: string | null = null,
): { data: Row[]; next_cursor: string | null } {
	const data = rows.slice(0, limit);
	const last = rows.length > limit ? (data.at(-1)?.id ?? null) : rest;
	return { data, next_cursor: last === null ? null : cursorOf(last) };
}

export const listOf = <Row extends z.ZodType>(row: Row, name: string) =>
	z.object({ data: z.array(row), next_cursor: z.string().nullable() }).openapi(name);

const cursorOf = (id: string): string => Buffer.from(id).toString("base64url");
