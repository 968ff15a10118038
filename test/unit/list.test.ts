import { z } from "@hono/zod-openapi";
import { describe, expect, it } from "vitest";
import { newId } from "../../src/core/ids.ts";
import { listed, pageOf, pageParams, timeParams } from "../../src/http/list.ts";

const NOW = Date.UTC(2026, 0, 15, 10, 30, 45);
const query = z.strictObject({ ...pageParams("evt"), ...timeParams });
const within = (id: string, { before, from }: { before: string; from: string }) => from <= id && id < before;

describe("a page of a list", () => {
	it("without any parameter is the newest 25 of all", () => {
		const page = pageOf("evt", query.parse({}));
		expect(page.limit).toBe(25);
		for (const ms of [0, NOW, Date.UTC(9999, 11, 31)]) expect(within(newId("evt", ms), page)).toBe(true);
	});

	it("between two times holds what was made from the first on and before the second", () => {
		const page = pageOf("evt", query.parse({ created_after: "2026-01-15T10:30:45Z", created_before: "2026-01-15T11:30:46.000+01:00" }));
		const inside = [NOW - 1, NOW, NOW + 999, NOW + 1000].map((ms) => within(newId("evt", ms), page));
		expect(inside).toEqual([false, true, true, false]);
	});

	it("goes on behind the last row that was shown, and never past the end that was asked for", () => {
		const ids = [3, 2, 1].map((ms) => newId("evt", NOW + ms));
		const { data, next_cursor } = listed(
			ids.map((id) => ({ id })),
			{ ...pageOf("evt", {}), limit: 2 },
		);
		expect(data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
		expect(next_cursor).not.toContain("evt_");
		const cursor = next_cursor!;
		expect(ids.map((id) => within(id, pageOf("evt", query.parse({ cursor }))))).toEqual([false, false, true]);
		const early = query.parse({ cursor, created_before: new Date(NOW + 1).toISOString() });
		expect(ids.map((id) => within(id, pageOf("evt", early)))).toEqual([false, false, false]);
	});

	it("is the last one where no row is left, also when it is full", () => {
		const rows = [{ id: newId("evt", NOW) }];
		expect(listed(rows, { ...pageOf("evt", {}), limit: 1 })).toEqual({ data: rows, next_cursor: null });
		expect(listed([], pageOf("evt", {}))).toEqual({ data: [], next_cursor: null });
	});

	const cursorOf = (id: string) => Buffer.from(id).toString("base64url");
	it.each([
		["limit", ["0", "101", "01", "1.0", "1e1", " 1", "", "-1", "99999"]],
		["cursor", ["", "x", "evt_", cursorOf("evt_"), cursorOf(newId("dlv", NOW)), `${cursorOf(newId("evt", NOW))}=`, cursorOf("evt_%")]],
		[
			"created_after",
			["", "now", "0", "2026", "2026-13-01", "2026-02-30", "2026-01-15T25:00:00Z", "2026-01-15T10:30:45", "2026-01-15 10:30Z"],
		],
	])("refuses nonsense as %s", (name, nonsense) => {
		for (const text of nonsense) expect(query.safeParse({ [name]: text }).success, text).toBe(false);
	});
});
