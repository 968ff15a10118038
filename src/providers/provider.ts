import type { z } from "@hono/zod-openapi";
import type { Config } from "../config.ts";
import type { Http, HttpRequest } from "../core/http.ts";
import type { Detail } from "../errors.ts";

/** The credentials and hooks of one account, and the time to use them with. */
export interface Account {
	/** `<provider>:<name>` */
	id: string;
	apiKey: string;
	baseUrl: string;
	/** Empty: the provider signs nothing, and no hook of its proves anything. */
	webhookSecrets: readonly string[];
	deadlineMs: number;
	/** Of a request that carries files, or an answer that is one. */
	transferDeadlineMs: number;
	retryAfterCapMs: number;
}

/** What a provider can tell us about a job, in our words. */
export type News =
	| { state: "processing" }
	| { state: "completed"; resultUrl: string | null; processingMs: number | null }
	| { state: "failed"; code: string; message: string };

/** How one send ended; see "Sending a job" in the README. */
export type SendOutcome =
	| { kind: "accepted"; providerJobId: string }
	| { kind: "refused"; message: string }
	| { kind: "not_taken"; reason: string; retryAfterMs: number | null }
	| { kind: "account_trouble"; reason: string }
	| { kind: "unknown"; reason: string };

/** What an answer says of the account's rate limit for questions; null where it says nothing. */
export interface Allowance {
	perMinute: number | null;
	/** Of this day, which ends at midnight UTC. */
	leftToday: number | null;
}

/** How one question about a job ended. `news` null: still waiting for its turn, or a word we do not know. */
export type PollOutcome = { allowance?: Allowance } & (
	| { kind: "answered"; news: News | null; body: string }
	| { kind: "missing" }
	| { kind: "failed"; reason: string; retryAfterMs: number | null }
	| { kind: "account_trouble"; reason: string }
);

/** Takes a result's bytes as they come. */
export type Take = NonNullable<HttpRequest["take"]>;

/**
 * How the fetching of a result ended. `text` null: its bytes were taken, or it is larger than we keep and its link has to do.
 * `allowance`: a question was asked, which counts among the polls. `account`: the key was refused, which is not the result's fault.
 */
export type FetchOutcome =
	| { kind: "fetched"; text: string | null; resultUrl: string | null; allowance?: Allowance }
	| { kind: "failed"; reason: string; retryAfterMs: number | null; resultUrl?: string | null; allowance?: Allowance; account?: boolean };

/** A result to be fetched. `link`: the provider's own to it, where it was told. */
export interface Made {
	providerJobId: string;
	link: string | null;
}

/** A model as a provider describes it. `ranges`: of the input's fields, for each of our types that it serves. */
export interface Model {
	id: string;
	name: string;
	types: string[];
	ranges: Record<string, Record<string, Range>>;
	features: Record<string, unknown>;
	defaults: Record<string, unknown>;
	languages: unknown[] | null;
}
/** Of a number, or of the length of a text; both ends belong to it. */
export interface Range {
	min?: number;
	max?: number;
}

/** How one other question ended. `reason` is a word for the log, `refused` what the provider has against the request. */
export type Asked<T> =
	| { kind: "answered"; value: T }
	| { kind: "refused"; message: string; details: Detail[] }
	| { kind: "failed"; reason: string };

/** An authentic hook, read. `deliveryId` is the signed one in the body, never the header's. */
export interface HookMessage {
	deliveryId: string;
	providerJobId: string;
	/** The provider's own name of the event, for the record. */
	event: string;
	/** Null: an event this version does not know. */
	news: News | null;
}

/** A file to be sent. `chunks` reads it from its beginning. */
export interface SendFile {
	field: string;
	name: string | null;
	contentType: string;
	sizeBytes: number;
	chunks: () => AsyncIterable<Uint8Array>;
}

export interface Send {
	type: string;
	model: string;
	/** As it was submitted; a field that is a file has its id or its URL. */
	input: Record<string, unknown>;
	files: readonly SendFile[];
	/** Where the provider should post; null when it cannot reach us. */
	hookUrl: string | null;
}

/** Milliseconds to the next question, before jitter: `first`, then × 1.5 up to `max`. After the first never less than `floor`. */
export interface Ladder {
	firstMs: number;
	maxMs: number;
	floorMs?: number;
}

/** A link to a file is the result; or bytes or text that are fetched before the job completes, the text of this media type. */
export type ResultKind =
	| { kind: "link" }
	| { kind: "bytes" }
	| { kind: "text"; contentType: "text/plain; charset=utf-8" | "application/json" };

/** A field of the input that is a file: what its bytes must be. */
export interface FileField {
	field: string;
	media: "video" | "image" | "audio";
}

export interface JobType {
	input: z.ZodObject;
	/** With hooks polling only has to catch the lost ones; without, it is the only news. */
	ladder: { hooked: Ladder; unhooked: Ladder };
	result: ResultKind;
	files?: readonly FileField[];
}

/** What the settings say of a provider. `apiKey` undefined: its account `default` is not configured. */
export interface ProviderSettings {
	apiKey: string | undefined;
	webhookSecrets: readonly string[];
	baseUrl: string;
	/** How long it may take to end a job. */
	jobDeadlineMs: number;
	/** Questions that an account may ask. `learns`: until its answers tell its true limit. */
	polls: { perMinute: number; learns: boolean };
}

export interface Provider {
	name: string;
	types: Readonly<Record<string, JobType>>;
	settings(config: Config): ProviderSettings;
	send(http: Http, account: Account, send: Send, nowMs: number): Promise<SendOutcome>;
	poll(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<PollOutcome>;
	/** Asks for a result that the provider has said is there. `take`: a file, which is handed over; null: text. */
	fetchResult(http: Http, account: Account, made: Made, take: Take | null, nowMs: number): Promise<FetchOutcome>;
	models(http: Http, account: Account): Promise<Asked<Model[]>>;
	/** Whether `models` are all that jobs may name; else another one is left to the provider's own judgement. */
	modelsAreAll: boolean;
	/** What one job would cost, USD. Null: this provider does not tell. */
	price: ((http: Http, account: Account, job: Priced) => Promise<Asked<number>>) | null;
	/** Null when the text is not a hook of this provider. No such function: it posts none, and every job is polled. */
	readHook: ((text: string) => HookMessage | null) | null;
}
export type Priced = Pick<Send, "type" | "model" | "input">;

/** Lane names, spelled in one place. */
export const dispatchLane = (accountId: string, type: string): string => `${accountId}/${type}`;
export const pollLane = (accountId: string): string => `${accountId}/status`;
export const contentLane = (accountId: string): string => `${accountId}/content`;
