import type { D1Database } from "@cloudflare/workers-types";
import { describe, expect, it } from "vitest";
import { ConstraintError } from "../../src/db/db.ts";
import { isUnavailable } from "../../src/errors.ts";
import { openD1 } from "../../src/worker/d1.ts";
import { appRow } from "../suite/store/rows.ts";
import { storeSuite } from "../suite/store.ts";
import { emptyD1 } from "../support/workers/d1.ts";

describe("store on D1", () => storeSuite(emptyD1));

/** The words of Cloudflare's list of D1 errors. Nothing local says them, so here a database does that does nothing else. */
describe("D1's own trouble", () => {
	const errorFor = (words: string) => {
		const statement = { bind: () => statement };
		const d1 = { prepare: () => statement, batch: () => Promise.reject(new Error(`D1_ERROR: ${words}`)) } as unknown as D1Database;
		return openD1(d1)
			.batch([appRow("a")])
			.catch((e: unknown) => e);
	};

	it.each([
		"D1 DB is overloaded. Requests queued for too long.",
		"D1 DB is overloaded. Too many requests queued.",
		"D1 DB storage operation exceeded timeout which caused object to be reset.",
		"D1 DB's isolate exceeded its memory limit and was reset.",
		"D1 DB exceeded its CPU time limit and was reset.",
		"D1 DB reset because its code was updated.",
		"Internal error while starting up D1 DB storage caused object to be reset.",
		"Internal error in D1 DB storage caused object to be reset.",
		"Network connection lost.",
		"Failed to parse body as JSON, got: error code: 1031",
		"Something went wrong",
		"Cannot resolve D1 DB due to transient issue on remote node.",
		"Exceeded maximum DB size.",
		"Your account has exceeded D1's maximum account storage limit, please contact Cloudflare to raise your limit",
	])("passes: %s", async (words) => {
		expect(isUnavailable(await errorFor(words))).toBe(true);
	});

	it.each(['near "INSERTZ": syntax error at offset 0: SQLITE_ERROR', "no such table: apps: SQLITE_ERROR", "Statement too long."])(
		"does not pass: %s",
		async (words) => {
			const error = await errorFor(words);
			expect(error).toEqual(new Error(`D1_ERROR: ${words}`));
			expect(error).not.toBeInstanceOf(ConstraintError);
		},
	);
});
