import { describe, expect, it } from "vitest";
import type { HttpAnswer, HttpFailure } from "../../src/core/http.ts";
import { verdictOf } from "../../src/outbound/outcome.ts";
import { answer, broken } from "../support/world.ts";

const again = (reason: string, flags: { overload?: boolean; pauseLane?: boolean } = {}) => ({
	kind: "retry",
	reason,
	overload: false,
	pauseLane: false,
	...flags,
});

describe("what a receiver's answer means", () => {
	it.each([200, 201, 202, 204, 206, 299])("%i acknowledges", (status) => {
		expect(verdictOf(answer(status))).toEqual({ kind: "delivered", reason: "acknowledged" });
	});

	it.each([100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 422, 499, 500, 502, 504, 599])(
		"%i is tried again",
		(status) => {
			expect(verdictOf(answer(status, { location: "https://example.com/other" }))).toEqual(again(`http_${status}`));
		},
	);

	it("429 is out of breath, and says so for everything we send it", () => {
		expect(verdictOf(answer(429))).toEqual(again("http_429", { overload: true, pauseLane: true }));
	});

	it("503 pauses everything we send it", () => {
		expect(verdictOf(answer(503))).toEqual(again("http_503", { pauseLane: true }));
	});

	it("410 wants nothing any more", () => {
		expect(verdictOf(answer(410))).toEqual({ kind: "stop", reason: "http_410", disable: true });
	});

	it.each([
		["disable", 400, { kind: "stop", reason: "receiver_disabled", disable: true }],
		[" Disable ", 500, { kind: "stop", reason: "receiver_disabled", disable: true }],
		["abort-message", 400, { kind: "stop", reason: "receiver_aborted", disable: false }],
		["ABORT-MESSAGE", 429, { kind: "stop", reason: "receiver_aborted", disable: false }],
		["abort-message", 410, { kind: "stop", reason: "http_410", disable: true }],
		["abort-message", 200, { kind: "delivered", reason: "acknowledged" }],
		["pause", 500, again("http_500")],
		["", 500, again("http_500")],
	])("obeys `webhook-delivery: %s` with %i", (wish, status, verdict) => {
		expect(verdictOf(answer(status, { "webhook-delivery": wish }))).toEqual(verdict);
	});

	/** A callback has a body in memory, which does not break off. */
	type OfCallbacks = Exclude<HttpFailure, "stopped" | "body_broken">;
	const failures: Record<OfCallbacks, boolean> = {
		dns_error: true,
		address_refused: true,
		connect_failed: true,
		connect_timeout: true,
		tls_error: true,
		timeout: false,
		connection_lost: false,
		headers_too_large: false,
		invalid_response: false,
	};
	it("a request that our own stop cut is ours, and nobody is charged for it", () => {
		expect(verdictOf(broken("stopped", false))).toEqual({ kind: "ours", reason: "stopped" });
	});
	it.each(Object.entries(failures) as [OfCallbacks, boolean][])("%s is tried again under its own name", (reason, before) => {
		const failed: HttpAnswer = broken(reason, before);
		expect(verdictOf(failed)).toEqual(again(reason, { overload: reason === "timeout" || reason === "connect_timeout" }));
	});
});
