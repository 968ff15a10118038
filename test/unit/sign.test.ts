import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import type { Http } from "../../src/core/http.ts";
import { newSigningSecret, sameText, signStandard, standardKey } from "../../src/core/signature.ts";
import type { Deps } from "../../src/deps.ts";
import { send } from "../../src/outbound/send.ts";
import { type Secrets, signedHeaders } from "../../src/outbound/sign.ts";

const NOW = Date.now(); // the official verifier knows no other clock
const what = {
	eventId: "evt_019bc111222273338444555566667777",
	eventType: "job.completed",
	deliveryId: "dlv_019bc111222273338444555566660000",
	attempt: 1,
	body: '{"type":"job.completed","data":{"text":"käse 🧀 \\u0000"}}',
};
const bytes = (n: number) => Buffer.alloc(n, 0x5a).toString("base64");
const deapi = (secret: string, seconds: string, body: string) =>
	`sha256=${createHmac("sha256", Buffer.from(secret, "utf8"))
		.update(Buffer.from(`${seconds}.${body}`, "utf8"))
		.digest("hex")}`;

describe("the headers of an attempt", () => {
	it("satisfy the official Standard Webhooks verifier", () => {
		for (const secret of [newSigningSecret(), `whsec_${bytes(24)}`, `whsec_${bytes(64)}`])
			expect(new Webhook(secret).verify(what.body, signedHeaders(what, [secret], NOW))).toEqual(JSON.parse(what.body));
	});

	it("do not satisfy it with another secret, body, id or time", () => {
		const secret = newSigningSecret();
		const headers = signedHeaders(what, [secret], NOW);
		expect(() => new Webhook(newSigningSecret()).verify(what.body, headers)).toThrow();
		expect(() => new Webhook(secret).verify(`${what.body} `, headers)).toThrow();
		expect(() => new Webhook(secret).verify(what.body, { ...headers, "webhook-id": "evt_other" })).toThrow();
		const later = String(Number(headers["webhook-timestamp"]) + 1);
		expect(() => new Webhook(secret).verify(what.body, { ...headers, "webhook-timestamp": later })).toThrow();
	});

	it("carry deAPI's signature of the same bytes, keyed with the whole secret as text", () => {
		const secret = newSigningSecret();
		const headers = signedHeaders(what, [secret], NOW);
		const seconds = String(Math.floor(NOW / 1000));
		expect(headers).toMatchObject({
			"x-deapi-timestamp": seconds,
			"x-deapi-signature": deapi(secret, seconds, what.body),
			"x-deapi-event": "job.completed",
			"x-deapi-delivery-id": "019bc111-2222-7333-8444-555566667777",
		});
	});

	it.each([
		["a plain string", "an-imported-secret-of-40-characters-long"],
		["23 bytes", `whsec_${bytes(23)}`],
		["65 bytes", `whsec_${bytes(65)}`],
		["no base64", "whsec_$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$"],
		["base64url", `whsec_${Buffer.alloc(32, 0xff).toString("base64url")}`],
		["base64 that is not what it decodes to", `whsec_${bytes(32).replace(/.=$/, "b=")}`],
		["other letters in front", `WHSEC_${bytes(32)}`],
		["a line break", `whsec_${bytes(32)}\n`],
	])("with a secret that is %s carry deAPI's family alone", (_, secret) => {
		const headers = signedHeaders(what, [secret], NOW);
		expect(headers).not.toHaveProperty("webhook-signature");
		expect(headers["x-deapi-signature"]).toBe(deapi(secret, headers["x-deapi-timestamp"]!, what.body));
	});

	it("differ between attempts in times, signatures and the attempt's number, in nothing else", () => {
		const secret = newSigningSecret();
		const [first, second] = [signedHeaders(what, [secret], NOW), signedHeaders({ ...what, attempt: 2 }, [secret], NOW + 5000)];
		const changed = Object.keys(first).filter((name) => first[name] !== second[name]);
		expect(new Set(changed)).toEqual(
			new Set(["jobhook-attempt", "webhook-signature", "webhook-timestamp", "x-deapi-signature", "x-deapi-timestamp"]),
		);
		expect(Object.keys(second)).toEqual(Object.keys(first));
	});
});

describe("with several active secrets", () => {
	const [current, before, oldest] = [newSigningSecret(), newSigningSecret(), newSigningSecret()];
	const plain = "an-imported-secret-of-40-characters-long";
	const official = (secret: string, headers: Record<string, string>) => {
		expect(new Webhook(secret).verify(what.body, headers)).toEqual(JSON.parse(what.body));
		new SvixWebhook(secret).verify(what.body, headers); // throws where none fits
	};

	it("each signs Standard Webhooks' header, the current one first, and the official verifiers take any of them", () => {
		const headers = signedHeaders(what, [current, before, oldest], NOW);
		const seconds = headers["webhook-timestamp"]!;
		const each = [current, before, oldest].map((secret) => signStandard(secret, what.eventId, seconds, what.body));
		expect(headers["webhook-signature"]).toBe(each.join(" "));
		for (const secret of [current, before, oldest]) official(secret, headers);
		expect(() => official(newSigningSecret(), headers)).toThrow();
	});

	it("the oldest alone signs deAPI's header, which has room for one", () => {
		const headers = signedHeaders(what, [current, before, oldest], NOW);
		expect(headers["x-deapi-signature"]).toBe(deapi(oldest, headers["x-deapi-timestamp"]!, what.body));
	});

	it.each<[string, Secrets, string]>([
		["the current one", [plain, before], before],
		["the one before", [current, plain], current],
	])("%s may be one that signs deAPI's header alone", (_, secrets, signer) => {
		const headers = signedHeaders(what, secrets, NOW);
		expect(headers["webhook-signature"]).toMatch(/^v1,\S+$/);
		official(signer, headers);
		expect(headers["x-deapi-signature"]).toBe(deapi(secrets[1]!, headers["x-deapi-timestamp"]!, what.body));
	});
});

describe("header fields of the receiver", () => {
	it("go along, but never over ours", async () => {
		let sent: Record<string, string> = {};
		const http: Http = async ({ headers }) => {
			sent = headers;
			return { kind: "failed", reason: "timeout", before: false };
		};
		const deps = { http, clock: { now: () => NOW }, config: loadConfig({}) } as unknown as Deps;
		const ours = signedHeaders(what, ["s".repeat(32)], NOW);
		const taken = Object.fromEntries(Object.keys(ours).map((name) => [name, "theirs"]));
		const to = { url: "https://example.com/", timeoutMs: null, secrets: ["s".repeat(32)] as const };
		await send(deps, what, { ...to, headers: { ...taken, authorization: "Bearer abc" } });
		expect(sent).toEqual({ ...ours, authorization: "Bearer abc" });
	});
});

describe("a signing secret", () => {
	it("is new each time and has 32 bytes", () => {
		const [a, b] = [newSigningSecret(), newSigningSecret()];
		expect(a).not.toBe(b);
		expect(standardKey(a)).toHaveLength(32);
	});

	it("is compared whole, whatever its length and letters", () => {
		expect(sameText("käse", "käse")).toBe(true);
		expect(sameText("", "")).toBe(true);
		for (const [a, b] of [
			["a", "b"],
			["a", "aa"],
			["", "a"],
			["ä", "a\u0308"],
		] as const)
			expect(sameText(a, b)).toBe(false);
	});
});
