import { describe, expect, it } from "vitest";
import { BadSettings, loadConfig, SETTINGS } from "../../src/config.ts";

/** Every default that is a number of design.md, in the unit of its name. */
const NUMBERS = {
	port: 8080,
	host: "127.0.0.1",
	database: { engine: "sqlite", path: "data/jobhook.db" },
	databasePool: 20,
	databasePrepare: true,
	logLevel: "info",
	deapiBaseUrl: "https://api.deapi.ai",
	deapiWebhookSecrets: [],
	deapiJobDeadlineMs: 86_400_000,
	decartBaseUrl: "https://api.decart.ai",
	decartJobDeadlineMs: 660_000,
	decartPollsPerMinute: 600,
	providerDeadlineMs: 30_000,
	transferDeadlineMs: 600_000,
	onUnknown: "wait",
	dispatchDeadlineMs: 259_200_000,
	sandbox: false,
	sandboxPort: 0,
	callbackAllow: [],
	callbackDeny: [],
	callbackDns: [],
	callbackPorts: [
		[80, 80],
		[443, 443],
		[1024, 65_535],
	],
	retryDelaysMs: [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400].map((s) => s * 1000),
	retryAfterCapMs: 86_400_000,
	overloadDelayMs: 60_000,
	deliveryMaxAgeMs: 345_600_000,
	breakerWindowMs: 300_000,
	breakerAttempts: 10,
	breakerFailedPercent: 70,
	breakerOpenMs: 30_000,
	breakerLongestMs: 600_000,
	breakerSuccesses: 3,
	noticeAfterMs: 86_400_000,
	disableAfterMs: 432_000_000,
	disableFailures: 20,
	disableDeliveries: 3,
	disableSpreadMs: 43_200_000,
	secretOverlapMs: 86_400_000,
	recoverPerS: 100,
	attemptDeadlineMs: 10_000,
	connectDeadlineMs: 5000,
	responseKeepBytes: 16_384,
	laneConcurrency: 10,
	processConcurrency: 500,
	requestsPerMinute: 600,
	backpressureMs: 30_000,
	hookMaxBytes: 1_048_576,
	submitMaxBytes: 2_097_152,
	fileMaxBytes: 268_435_456,
	fileTtlMs: 86_400_000,
	resultMaxBytes: 536_870_912,
	keepResults: false,
	headersDeadlineMs: 10_000,
	bodyDeadlineMs: 15_000,
	maxConnections: 20_000,
	signatureWindowMs: 300_000,
	hookNudgeEveryMs: 10_000,
	idempotencyKeyMs: 604_800_000,
	resultLinkMs: 604_800_000,
	retainBodiesMs: 604_800_000,
	retainReceiptsMs: 604_800_000,
	retainCacheMs: 604_800_000,
	retainHeldMs: 2_592_000_000,
	retainJobsMs: 2_592_000_000,
	sweepEveryMs: 10_000,
	leaseMarginMs: 25_000,
	drainMs: 20_000,
};

const DATABASE =
	"must be the path of a SQLite file, or like postgres://user:password@host:5432/database, with the @ : / ? # % of a password as %40 %3A %2F %3F %23 %25";

/** What went wrong with these variables, one line each. */
function complaints(env: Record<string, string>): string[] {
	try {
		loadConfig(env);
		return [];
	} catch (e) {
		if (!(e instanceof BadSettings)) throw e;
		return e.message.split("\n").slice(1);
	}
}

describe("the settings", () => {
	it("have the documented numbers as defaults, and no credential", () => {
		const set = Object.entries(loadConfig({})).filter(([, value]) => value !== undefined);
		expect(Object.fromEntries(set)).toEqual(NUMBERS);
		const without = Object.keys(SETTINGS).filter((name) => !(name in NUMBERS));
		expect(without).toEqual(["publicUrl", "apiKey", "callbackSecret", "masterKeys", "deapiApiKey", "deapiPollsPerMinute", "decartApiKey"]);
	});

	it("count an empty variable as absent", () => {
		expect(loadConfig({ PORT: "", PUBLIC_URL: "", JOBHOOK_API_KEY: "" })).toEqual(loadConfig({}));
	});

	it("are read with their unit", () => {
		const env = { RETRY_AFTER_CAP_S: "60", DELIVERY_MAX_AGE_H: "2", ATTEMPT_DEADLINE_MS: "250", RETRY_DELAYS_S: " 1, 2 ,3 " };
		expect(loadConfig(env)).toMatchObject({
			retryAfterCapMs: 60_000,
			deliveryMaxAgeMs: 7_200_000,
			attemptDeadlineMs: 250,
			retryDelaysMs: [1000, 2000, 3000],
		});
	});

	it("take URLs without their last slashes, lists with commas and several master keys", () => {
		const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
		const config = loadConfig({
			PUBLIC_URL: "https://gateway.example.com/base//",
			DATABASE_URL: "file:/var/lib/jobhook.db",
			CALLBACK_ALLOW: "127.0.0.0/8, ::1,",
			CALLBACK_DNS: "10.0.0.2, 10.0.0.3:5353, fd00::2, [fd00::2], [fd00::2]:5353",
			DEAPI_WEBHOOK_SECRET: "one,two",
			JOBHOOK_MASTER_KEY: keys.map((key) => key.toString("base64")).join(","),
			SANDBOX: "1",
		});
		expect(config).toMatchObject({
			publicUrl: "https://gateway.example.com/base",
			database: { engine: "sqlite", path: "/var/lib/jobhook.db" },
			callbackAllow: ["127.0.0.0/8", "::1"],
			callbackDns: ["10.0.0.2:53", "10.0.0.3:5353", "[fd00::2]:53", "[fd00::2]:53", "[fd00::2]:5353"],
			deapiWebhookSecrets: ["one", "two"],
			sandbox: true,
		});
		expect(config.masterKeys).toEqual(keys);
	});
});

describe("a database", () => {
	const databaseOf = (DATABASE_URL: string) => loadConfig({ DATABASE_URL }).database;

	it.each([
		["postgres://me:secret@db:5432/jobhook", "postgres://db:5432/jobhook"],
		["postgresql://me:s%40c%2Fret%25@db.internal/jobhook?sslmode=require", "postgres://db.internal/jobhook"],
		["postgres://me@10.0.0.7/jobhook", "postgres://10.0.0.7/jobhook"],
		["postgres://one:5432,two:5433/jobhook?target_session_attrs=primary", "postgres://one:5432,two:5433/jobhook"],
		["postgres://localhost", "postgres://localhost"],
	])("%s is PostgreSQL's, and is named without its secrets", (url, name) => {
		expect(databaseOf(url)).toEqual({ engine: "postgres", url, name });
	});

	it.each(["jobhook.db", "/srv/my jobs/jobhook.db", "postgres.db", "C:/jobhook.db"])("%s is a SQLite file", (path) => {
		expect([path, `file:${path}`].map(databaseOf)).toEqual([
			{ engine: "sqlite", path },
			{ engine: "sqlite", path },
		]);
	});
});

describe("settings that cannot be used", () => {
	const BAD: Record<string, string> = {
		PORT: "70000",
		PUBLIC_URL: "ftp://leaked.example.com",
		DATABASE_URL: "postgres://user:leaked/half@db/jobhook",
		DATABASE_POOL: "0",
		DATABASE_PREPARE: "leaked",
		LOG_LEVEL: "leaked",
		JOBHOOK_API_KEY: "leaked",
		JOBHOOK_CALLBACK_SECRET: "leaked-and-too-short",
		JOBHOOK_MASTER_KEY: "bGVha2Vk",
		DEAPI_BASE_URL: "leaked",
		SANDBOX: "leaked",
		CALLBACK_ALLOW: "127.0.0.0/8,leaked",
		RETRY_DELAYS_S: "5,leaked",
		RETRY_AFTER_CAP_S: "-1",
		ATTEMPT_DEADLINE_MS: "1e3",
		LANE_CONCURRENCY: "0",
		SWEEP_EVERY_S: "1.5",
	};

	it("are all named at once, each in its own line, and none is repeated", () => {
		const lines = complaints(BAD);
		expect(lines.map((line) => line.trim().split(" ")[0])).toEqual(Object.values(SETTINGS).flatMap(({ env }) => (env in BAD ? [env] : [])));
		const values = Object.values(BAD).filter((value) => value.length > 3);
		for (const line of lines) for (const value of ["leaked", ...values]) expect(line).not.toContain(value);
	});

	it.each([
		["PORT", "70000", "must be between 0 and 65535"],
		["PORT", "80 80", "must be a whole number"],
		["PUBLIC_URL", "gateway.example.com", "must be an http(s) URL"],
		...["mysql://db/jobhook", "postgres://", "postgres://me@:5432/jobhook"].map((url) => ["DATABASE_URL", url, DATABASE]),
		...["a@b", "a/b", "a?b", "a#b", "a%b"].map((password) => ["DATABASE_URL", `postgres://me:${password}@db/jobhook`, DATABASE]),
		["JOBHOOK_API_KEY", "x".repeat(15), "must have at least 16 characters"],
		["JOBHOOK_CALLBACK_SECRET", "x".repeat(31), "must have 32 to 255 characters"],
		["JOBHOOK_CALLBACK_SECRET", "x".repeat(256), "must have 32 to 255 characters"],
		["JOBHOOK_MASTER_KEY", Buffer.alloc(31).toString("base64"), "must be base64 of 32 bytes (several with commas, the current one first)"],
		["JOBHOOK_MASTER_KEY", ",", "must be base64 of 32 bytes (several with commas, the current one first)"],
		["CALLBACK_ALLOW", "localhost", "must be IP addresses or CIDR ranges with commas, like 127.0.0.0/8,10.1.0.5"],
		...["localhost", "10.2", "10.0.0.2:0", "10.0.0.2:70000", "[10.0.0.2]", "[fe80::g]:53", "10.0.0.2 10.0.0.3"].map((servers) => [
			"CALLBACK_DNS",
			servers,
			"must be addresses of name servers with commas, like 10.0.0.2,[fd00::2]:5353",
		]),
		["RETRY_DELAYS_S", "5,-1", "must be seconds with commas"],
		["RETRY_DELAYS_S", ",", "must be seconds with commas"],
		["SANDBOX", "yes", "must be 0 or 1"],
	] as [string, string, string][])("%s=%.30s is answered with what would be right", (variable, value, sentence) => {
		expect(complaints({ [variable]: value })).toEqual([`  ${variable} ${sentence}`]);
	});

	it.each([
		["BREAKER_OPEN_S", "60", "BREAKER_LONGEST_S", "59"],
		["BREAKER_OPEN_S", "601", "BREAKER_LONGEST_S", ""],
		["NOTICE_AFTER_H", "121", "DISABLE_AFTER_H", ""],
		["NOTICE_AFTER_H", "", "DISABLE_AFTER_H", "23"],
	])("%s=%s is refused beside %s=%s, and both are named", (one, value, other, less) => {
		expect(complaints({ [one]: value, [other]: less })).toEqual([`  ${one} must not be longer than ${other}`]);
		expect(complaints({ [one]: "90", [other]: "90" })).toEqual([]);
		expect(complaints({ [one]: value, [other]: "x" })).toEqual([`  ${other} must be a whole number`]);
	});
});
