import { expect, it } from "vitest";
import type { Http } from "../../src/core/http.ts";
import { fetchResult, poll } from "../../src/providers/deapi/status.ts";
import type { Account } from "../../src/providers/provider.ts";

/** What Node cannot write as text again; workerd can. */
const DEPTH = 100_000;

it("an answer that is nested too deep to be written down is an unreadable one, and breaks no question", async () => {
	const body = `{"data":{"status":"done","result":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}}}`;
	expect(() => JSON.stringify(JSON.parse(body))).toThrow(RangeError);
	const http: Http = async () => ({ kind: "response", status: 200, headers: {}, body, truncated: false });
	const account: Account = {
		id: "deapi:default",
		apiKey: "key",
		webhookSecrets: [],
		baseUrl: "https://deapi.example",
		deadlineMs: 1000,
		transferDeadlineMs: 1000,
		retryAfterCapMs: 1000,
	};
	const unreadable = { kind: "failed", reason: "unreadable_answer" };
	expect(await poll(http, account, "1", 0)).toMatchObject(unreadable);
	expect(await fetchResult(http, account, { providerJobId: "1", link: null }, null, 0)).toMatchObject(unreadable);
});
