import type { z } from "@hono/zod-openapi";
import type { Config } from "../config.ts";
import type { Http } from "../core/http.ts";
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

/** How one question about a job ended. `news` null: still waiting for its turn, or a word we do not know. */
export type PollOutcome =
	| { kind: "answered"; news: News | null; body: string }
	| { kind: "missing" }
	| { kind: "failed"; reason: string; retryAfterMs: number | null }
	| { kind: "account_trouble"; reason: string };

/** How the fetching of a result ended. `text` null: it is larger than we keep, and its link has to do. */
export type FetchOutcome =
	| { kind: "fetched"; text: string | null; resultUrl: string | null }
	| { kind: "failed"; reason: string; retryAfterMs: number | null };

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

export interface Send {
	type: string;
	model: string;
	input: Record<string, unknown>;
	/** Where the provider should post; null when it cannot reach us. */
	hookUrl: string | null;
}

/** Milliseconds to the next question, before jitter: `first`, then × 1.5 up to `max`. */
export interface Ladder {
	firstMs: number;
	maxMs: number;
}

export interface JobType {
	input: z.ZodObject;
	/** With hooks polling only has to catch the lost ones; without, it is the only news. */
	ladder: { hooked: Ladder; unhooked: Ladder };
	/** The media type of a result that is text: it is fetched before the job completes. Null: a link to a file is the result. */
	text: "text/plain; charset=utf-8" | "application/json" | null;
}

export interface Provider {
	name: string;
	types: Readonly<Record<string, JobType>>;
	jobDeadlineMs(config: Config): number;
	send(http: Http, account: Account, send: Send, nowMs: number): Promise<SendOutcome>;
	poll(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<PollOutcome>;
	/** Asks for a result that is text, which the provider has said is there. */
	fetchResult(http: Http, account: Account, providerJobId: string, nowMs: number): Promise<FetchOutcome>;
	models(http: Http, account: Account): Promise<Asked<Model[]>>;
	/** What one job would cost, USD. */
	price(http: Http, account: Account, job: Omit<Send, "hookUrl">): Promise<Asked<number>>;
	/** Null when the text is not a hook of this provider. */
	readHook(text: string): HookMessage | null;
}

/** Lane names, spelled in one place. */
export const dispatchLane = (accountId: string, type: string): string => `${accountId}/${type}`;
export const pollLane = (accountId: string): string => `${accountId}/status`;
