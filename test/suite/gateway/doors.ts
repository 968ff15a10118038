import { getTableName, sql } from "drizzle-orm";
import { ensureApp } from "../../../src/access/apps.ts";
import { createKey } from "../../../src/access/keys.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import * as schema from "../../../src/db/schema.ts";
import { JobhookError } from "../../../src/errors.ts";
import { JOB, type World } from "../../support/world.ts";

export interface Refusal {
	code: string;
	message: string;
	request_id: string;
	details?: { field: string; message: string }[];
}

/** Posts this very text. */
export const post = (world: World, path: string, body: string | undefined, headers: Record<string, string> = {}) =>
	world.request(path, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		...(body === undefined ? {} : { body }),
	});

/** All that the doors answer from here on: bodies and headers. */
export function answersOf(world: World): string[] {
	const said: string[] = [];
	const request = world.request;
	world.request = async (path, init) => {
		const response = await request(path, init);
		said.push(await response.clone().text(), JSON.stringify([...response.headers]));
		return response;
	};
	return said;
}

/** The smallest job as text, with more fields behind it that may say what no object can. */
export const jobText = (more = ""): string => JSON.stringify(JOB).replace(/\}$/, more === "" ? "}" : `,${more}}`);

/** The error of an answer; what has another shape fails the test. */
export async function refusalOf(response: Response): Promise<Refusal> {
	const body = (await response.json()) as { error: Refusal };
	const { code, message, request_id, details, ...others } = body.error;
	if (Object.keys(body).length > 1 || Object.keys(others).length > 0) throw new Error(`not the shape of an error: ${JSON.stringify(body)}`);
	if (!code || !message || request_id !== response.headers.get("x-request-id")) throw new Error(`incomplete: ${JSON.stringify(body)}`);
	return { code, message, request_id, ...(details ? { details } : {}) };
}

const { cache: _, ...tables } = schema; // what was read of a provider is no one's
const rowsOf = Object.values(tables).map((table) =>
	compileSql<unknown, { rows: number }>(["rows"], () => sql`SELECT count(*) FROM ${sql.identifier(getTableName(table))}`),
);
/** Rows in all tables of the service together: what was refused has left none. */
export async function rowCount(db: Db): Promise<number> {
	const counts = await Promise.all(rowsOf.map((count) => db.read(count.bind({}))));
	return counts.flat().reduce((sum, { rows }) => sum + Number(rows), 0);
}

/** Another tenant, with a key. */
export async function otherApp(world: World, name = "other"): Promise<{ id: string; key: string; keyId: string }> {
	const { id } = await ensureApp(world.deps, name);
	const { id: keyId, key } = await createKey(world.deps, id, { name: "test", scopes: ["admin"] });
	return { id, key, keyId };
}
export const as = (key: string) => ({ authorization: `Bearer ${key}` });

/** A database that takes no writes, or answers nothing at all, while `broken` says so. */
export function breakable(db: Db): Db & { broken: "no" | "writes" | "all" } {
	const refuse = () => Promise.reject(new JobhookError("unavailable", "the database cannot take this now; nothing was written"));
	const wrapped: Db & { broken: "no" | "writes" | "all" } = {
		broken: "no",
		dialect: db.dialect,
		read: <Row>(query: Bound<Row>) => (wrapped.broken === "all" ? refuse() : db.read(query)),
		batch: (work) => (wrapped.broken === "no" ? db.batch(work) : refuse()),
		close: () => db.close(),
	};
	return wrapped;
}
