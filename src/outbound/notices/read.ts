import type { Deps } from "../../deps.ts";
import { countersAll } from "./sql.ts";
import { NOTICE_TYPES, type NoticeType } from "./types.ts";

/** How often each has happened, ever; 0 where never. */
export async function readCounters({ db }: Pick<Deps, "db">): Promise<Record<NoticeType, number>> {
	const values = new Map((await db.read(countersAll.bind({}))).map(({ name, value }) => [name, value]));
	return Object.fromEntries(NOTICE_TYPES.map((type) => [type, values.get(type) ?? 0])) as Record<NoticeType, number>;
}
