import { z } from "zod";
import { parseNameServer } from "./core/address/name-server.ts";
import { parsePorts } from "./core/address/ports.ts";
import { parseCidr } from "./core/address/ranges.ts";
import { parseDatabase } from "./core/database-url.ts";
import { LONGEST_OVERLAP_H } from "./core/rotation.ts";

/** One setting: the variable it is read from, and how. The unit in the variable's name becomes milliseconds inside. */
const setting = <S extends z.ZodType>(env: string, schema: S) => ({ env, schema });

const whole = (fallback: number, min: number, max: number) =>
	z
		.string()
		.regex(/^\d{1,15}$/, "must be a whole number")
		.default(String(fallback))
		.transform(Number)
		.refine((n) => n >= min && n <= max, `must be between ${min} and ${max}`);
const count = (env: string, fallback: number, min = 1, max = 1_000_000_000) => setting(env, whole(fallback, min, max));
const seconds = (env: string, fallback: number, min = 1) =>
	setting(
		env,
		whole(fallback, min, 31_536_000).transform((n) => n * 1000),
	);
const hours = (env: string, fallback: number, min = 1, max = 8760) =>
	setting(
		env,
		whole(fallback, min, max).transform((n) => n * 3_600_000),
	);
const days = (env: string, fallback: number) =>
	setting(
		env,
		whole(fallback, 1, 3650).transform((n) => n * 86_400_000),
	);
const megabytes = (env: string, fallback: number) =>
	setting(
		env,
		whole(fallback, 1, 10_240).transform((n) => n * 1_048_576),
	);
const list = (text: string) => text.split(",").flatMap((part) => part.trim() || []);
const url = z
	.url({ protocol: /^https?$/, error: "must be an http(s) URL" })
	.refine((text) => !URL.canParse(text) || /^https?:\/\/[^?#@]+$/.test(text), "must have no query, fragment, user name or password")
	.transform((text) => text.replace(/\/+$/, ""));
/** What a header can carry; a file that was mounted as a secret often ends in a line break. */
const credential = z
	.string()
	.trim()
	.regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");
/** What `parse` makes of each part; null is none. Without a part only where that is the fallback. */
const listOf = <T>(parse: (part: string) => T | null, { fallback, words }: { fallback: string; words: string }) =>
	z
		.string()
		.default(fallback)
		.transform((text, context) => {
			const parsed = list(text).map(parse);
			const good = parsed.filter((part) => part !== null);
			if (good.length < parsed.length || (good.length === 0 && fallback !== "")) context.addIssue({ code: "custom", message: words });
			return good;
		});
const cidrs = z
	.string()
	.default("")
	.transform(list)
	.refine(
		(ranges) => ranges.every((range) => parseCidr(range) !== null),
		"must be IP addresses or CIDR ranges with commas, like 127.0.0.0/8,10.1.0.5",
	);
const perMinute = z
	.string()
	.regex(/^([1-9]\d{0,3}|[1-5]\d{4}|60000)$/, "must be a whole number between 1 and 60000")
	.transform(Number);
const flag = (fallback: "0" | "1") =>
	z
		.enum(["0", "1"], "must be 0 or 1")
		.default(fallback)
		.transform((text) => text === "1");
const DATABASE_WORDS =
	"must be the path of a SQLite file, or like postgres://user:password@host:5432/database, with the @ : / ? # % of a password as %40 %3A %2F %3F %23 %25";
const secret = z.string().min(32, "must have 32 to 255 characters").max(255, "must have 32 to 255 characters");

/** Every setting and every limit, with its default. An empty variable counts as absent. The README has the same table. */
export const SETTINGS = {
	port: count("PORT", 8080, 0, 65_535),
	host: setting("HOST", z.string().default("127.0.0.1")),
	publicUrl: setting("PUBLIC_URL", url.optional()),
	database: setting(
		"DATABASE_URL",
		z
			.string()
			.default("data/jobhook.db")
			.transform((text, context) => {
				const place = parseDatabase(text);
				if (place === null) context.addIssue({ code: "custom", message: DATABASE_WORDS });
				return place ?? z.NEVER;
			}),
	),
	databasePool: count("DATABASE_POOL", 20, 1, 1000),
	databasePrepare: setting("DATABASE_PREPARE", flag("1")),
	logLevel: setting("LOG_LEVEL", z.enum(["debug", "info", "warn", "error", "silent"]).default("info")),

	apiKey: setting("JOBHOOK_API_KEY", credential.min(16, "must have at least 16 characters").optional()),
	callbackSecret: setting("JOBHOOK_CALLBACK_SECRET", secret.optional()),
	masterKeys: setting(
		"JOBHOOK_MASTER_KEY",
		z
			.string()
			.transform((text) => list(text).map((part) => Buffer.from(part, "base64")))
			.refine(
				(keys) => keys.length > 0 && keys.every((key) => key.length === 32),
				"must be base64 of 32 bytes (several with commas, the current one first)",
			)
			.optional(),
	),

	deapiApiKey: setting("DEAPI_API_KEY", credential.optional()),
	deapiBaseUrl: setting("DEAPI_BASE_URL", url.default("https://api.deapi.ai")),
	deapiWebhookSecrets: setting("DEAPI_WEBHOOK_SECRET", z.string().default("").transform(list)),
	deapiJobDeadlineMs: hours("DEAPI_JOB_DEADLINE_H", 24),
	deapiPollsPerMinute: setting("DEAPI_POLLS_PER_MINUTE", perMinute.optional()),
	decartApiKey: setting("DECART_API_KEY", credential.optional()),
	decartBaseUrl: setting("DECART_BASE_URL", url.default("https://api.decart.ai")),
	decartJobDeadlineMs: seconds("DECART_JOB_DEADLINE_S", 660),
	decartPollsPerMinute: setting("DECART_POLLS_PER_MINUTE", perMinute.default(600)),
	providerDeadlineMs: count("PROVIDER_DEADLINE_MS", 30_000, 10, 300_000),
	transferDeadlineMs: seconds("TRANSFER_DEADLINE_S", 600),
	onUnknown: setting("ON_UNKNOWN", z.enum(["wait", "resubmit"], "must be wait or resubmit").default("wait")),
	dispatchDeadlineMs: hours("DISPATCH_DEADLINE_H", 72),
	sandbox: setting("SANDBOX", flag("0")),
	sandboxPort: count("SANDBOX_PORT", 0, 0, 65_535),

	callbackAllow: setting("CALLBACK_ALLOW", cidrs),
	callbackDeny: setting("CALLBACK_DENY", cidrs),
	callbackDns: setting(
		"CALLBACK_DNS",
		listOf(parseNameServer, { fallback: "", words: "must be addresses of name servers with commas, like 10.0.0.2,[fd00::2]:5353" }),
	),
	callbackPorts: setting(
		"CALLBACK_PORTS",
		listOf(parsePorts, { fallback: "80,443,1024-65535", words: "must be ports and ranges of ports with commas, like 443,8000-8999" }),
	),
	retryDelaysMs: setting(
		"RETRY_DELAYS_S",
		z
			.string()
			.default("5,30,120,600,1800,3600,10800,21600,43200,86400,86400")
			.transform((text) => list(text).map((part) => Number(part) * 1000))
			.refine((delays) => delays.length > 0 && delays.every((ms) => Number.isSafeInteger(ms) && ms >= 0), "must be seconds with commas"),
	),
	retryAfterCapMs: seconds("RETRY_AFTER_CAP_S", 86_400),
	overloadDelayMs: seconds("OVERLOAD_DELAY_S", 60),
	deliveryMaxAgeMs: hours("DELIVERY_MAX_AGE_H", 96),
	breakerWindowMs: seconds("BREAKER_WINDOW_S", 300),
	breakerAttempts: count("BREAKER_ATTEMPTS", 10, 1, 1_000_000),
	breakerFailedPercent: count("BREAKER_FAILED_PERCENT", 70, 1, 100),
	breakerOpenMs: seconds("BREAKER_OPEN_S", 30),
	breakerLongestMs: seconds("BREAKER_LONGEST_S", 600),
	breakerSuccesses: count("BREAKER_SUCCESSES", 3, 1, 1000),
	noticeAfterMs: hours("NOTICE_AFTER_H", 24),
	disableAfterMs: hours("DISABLE_AFTER_H", 120),
	disableFailures: count("DISABLE_FAILURES", 20),
	disableDeliveries: count("DISABLE_DELIVERIES", 3),
	disableSpreadMs: hours("DISABLE_SPREAD_H", 12),
	secretOverlapMs: hours("SECRET_OVERLAP_H", 24, 0, LONGEST_OVERLAP_H),
	recoverPerS: count("RECOVER_PER_S", 100, 1, 1000),
	attemptDeadlineMs: count("ATTEMPT_DEADLINE_MS", 10_000, 10, 60_000),
	connectDeadlineMs: count("CONNECT_DEADLINE_MS", 5000, 10, 60_000),
	responseKeepBytes: count("RESPONSE_KEEP_BYTES", 16_384, 0, 524_288),
	laneConcurrency: count("LANE_CONCURRENCY", 10, 1, 1000),
	processConcurrency: count("PROCESS_CONCURRENCY", 500, 1, 10_000),

	requestsPerMinute: count("REQUESTS_PER_MINUTE", 600, 0),
	backpressureMs: seconds("BACKPRESSURE_S", 30, 0),
	// one that is no text is kept as base64, in a row that D1 takes: less than 2 MB
	hookMaxBytes: count("HOOK_MAX_BYTES", 1_048_576, 1, 1_400_000),
	submitMaxBytes: count("SUBMIT_MAX_BYTES", 2_097_152),
	fileMaxBytes: megabytes("FILE_MAX_MB", 256),
	fileTtlMs: hours("FILE_TTL_H", 24),
	resultMaxBytes: megabytes("RESULT_MAX_MB", 512),
	keepResults: setting("KEEP_RESULTS", flag("0")),
	headersDeadlineMs: count("HEADERS_DEADLINE_MS", 10_000),
	bodyDeadlineMs: count("BODY_DEADLINE_MS", 15_000),
	maxConnections: count("MAX_CONNECTIONS", 20_000, 1, 1_000_000),
	signatureWindowMs: seconds("SIGNATURE_WINDOW_S", 300),
	hookNudgeEveryMs: seconds("HOOK_NUDGE_EVERY_S", 10),
	idempotencyKeyMs: hours("IDEMPOTENCY_KEY_H", 168),
	resultLinkMs: hours("RESULT_LINK_H", 168),

	retainBodiesMs: days("RETAIN_BODIES_D", 7),
	retainReceiptsMs: days("RETAIN_RECEIPTS_D", 7),
	retainCacheMs: days("RETAIN_CACHE_D", 7),
	retainJobsMs: days("RETAIN_JOBS_D", 30),
	retainHeldMs: days("RETAIN_HELD_D", 30),

	sweepEveryMs: seconds("SWEEP_EVERY_S", 10),
	leaseMarginMs: seconds("LEASE_MARGIN_S", 25, 0),
	drainMs: seconds("DRAIN_S", 20, 0),
} as const;

export type Config = { readonly [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]["schema"]> };

/** Of two times the first must not be longer. */
const IN_ORDER = [
	["breakerOpenMs", "breakerLongestMs"],
	["noticeAfterMs", "disableAfterMs"],
] as const;

export class BadSettings extends Error {}

/** Reads all settings; throws one `BadSettings` that names every bad variable and never repeats a value. */
export function loadConfig(env: Record<string, string | undefined>): Config {
	const config: Record<string, unknown> = {};
	const bad: string[] = [];
	for (const [name, { env: variable, schema }] of Object.entries(SETTINGS)) {
		const parsed = schema.safeParse(env[variable] || undefined);
		if (parsed.success) config[name] = parsed.data;
		else bad.push(`  ${variable} ${parsed.error.issues.map((issue) => issue.message).join(", ")}`);
	}
	// one that is bad by itself is not there, and compares as false
	for (const [shorter, longer] of IN_ORDER)
		if (Number(config[shorter]) > Number(config[longer]))
			bad.push(`  ${SETTINGS[shorter].env} must not be longer than ${SETTINGS[longer].env}`);
	if (bad.length > 0) throw new BadSettings(`settings that cannot be used:\n${bad.join("\n")}`);
	return config as Config;
}
