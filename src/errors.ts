/** Every code a client can meet, and the HTTP status it travels with. The README lists them. */
const STATUS = {
	invalid_request: 400,
	unauthorized: 401,
	forbidden: 403,
	not_found: 404,
	idempotency_conflict: 409,
	already_sent: 409,
	already_ended: 409,
	not_possible: 409,
	payload_too_large: 413,
	unsupported_media_type: 415,
	validation_failed: 422,
	provider_not_configured: 422,
	rate_limited: 429,
	overloaded: 429,
	internal: 500,
	unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;
export const codes = Object.keys(STATUS) as readonly ErrorCode[];

/** One field that is wrong and what would be right, e.g. `{ field: "input.width", message: "must be at least 256" }`. */
export interface Detail {
	field: string;
	message: string;
}

/** The one error class: a code for programs, a message for people. `cause` is for the log and never leaves the process. */
export class JobhookError extends Error {
	readonly code: ErrorCode;
	readonly details: Detail[];
	/** When it makes sense to ask again, seconds. */
	readonly retryAfterS: number | null;
	/** `unavailable`, and what was to be written may stand all the same: the answer was lost. */
	readonly maybeWritten: boolean;

	constructor(
		code: ErrorCode,
		message: string,
		options: { details?: Detail[]; cause?: unknown; retryAfterS?: number; maybeWritten?: boolean } = {},
	) {
		super(message, { cause: options.cause });
		this.name = "JobhookError";
		this.code = code;
		this.details = options.details ?? [];
		this.retryAfterS = options.retryAfterS ?? null;
		this.maybeWritten = options.maybeWritten ?? false;
	}

	get status(): (typeof STATUS)[ErrorCode] {
		return STATUS[this.code];
	}
}

export const mayBeWritten = (e: unknown): boolean => e instanceof JobhookError && e.maybeWritten;

export const isUnavailable = (e: unknown): boolean => e instanceof JobhookError && e.code === "unavailable";
