import type { World } from "../../support/world.ts";

/** What the API shows, as far as a test looks at it. */
export interface Shown {
	id: string;
	[field: string]: unknown;
}
export interface Listed {
	data: Shown[];
	next_cursor: string | null;
}

/** One request with a JSON body, or without any. */
export const call = (world: World, method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
	world.request(path, {
		method,
		...(body === undefined ? { headers } : { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) }),
	});

/** The answer of a request that must succeed. */
export async function got<T = Shown>(response: Response | Promise<Response>): Promise<T> {
	const answer = await response;
	if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
	return (await answer.json()) as T;
}

/** Every row of a list, page after page. */
export async function pages(world: World, path: string): Promise<Shown[][]> {
	const all: Shown[][] = [];
	for (let cursor: string | null = ""; cursor !== null; ) {
		const more: string = cursor === "" ? "" : `${path.includes("?") ? "&" : "?"}cursor=${cursor}`;
		const { data, next_cursor }: Listed = await got<Listed>(world.request(path + more));
		all.push(data);
		cursor = next_cursor;
	}
	return all;
}
