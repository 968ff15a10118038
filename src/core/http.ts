/** A body that is not held in memory. `chunks` gives exactly `bytes` bytes, and begins anew at each call. */
export interface Upload {
	bytes: number;
	chunks: () => AsyncIterable<Uint8Array>;
}

/** One outbound request with one deadline over everything: DNS, connect, TLS, headers and body. */
export interface HttpRequest {
	method: "GET" | "POST";
	url: string;
	headers: Record<string, string>;
	body?: string | Upload;
	/**
	 * Takes the body of a 2xx answer as it comes, instead of `body`, whatever its size: within the deadline, as it came, never unpacked.
	 * What it throws is thrown on; what the network does to it becomes a failure like any other. Not read to its end = cut.
	 */
	take?: (head: { status: number; headers: Record<string, string> }, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
	deadlineMs: number;
	/** Bytes of the answer to keep, counted after unpacking; the rest is not read. */
	keepBytes: number;
	/** `public`: only addresses that callbacks may reach. `operator`: a host the operator configured. */
	reach: "public" | "operator";
	/** A request that must not be sent twice gets a connection of its own: a stale one leaves "was it sent?" open. */
	once?: boolean;
}

/** Closed list. The first group happened before a byte of the request was written, for certain; of others `before` says it. */
export type HttpFailure =
	| "dns_error"
	| "address_refused"
	| "connect_failed"
	/** Also where the deadline of the request came first. */
	| "connect_timeout"
	| "tls_error"
	| "timeout"
	| "connection_lost"
	/** More than 16 KiB in one block of header fields, or of trailers. On Workers this and the next are a lost connection. */
	| "headers_too_large"
	/** What came is not HTTP/1.1, or no answer to what was asked. */
	| "invalid_response"
	/** We were told to stop and cut it ourselves. Never a request with `once`: that one ends by its own deadline. */
	| "stopped"
	/** The source of an upload broke off: what had left was no whole request, and nobody can have taken it. */
	| "body_broken";

export type HttpAnswer =
	| { kind: "response"; status: number; headers: Record<string, string>; body: string; truncated: boolean }
	| { kind: "failed"; reason: HttpFailure; before: boolean };

/** The network port. A failure is an answer, never an exception, but for what `take` throws. Redirects are not followed. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;
