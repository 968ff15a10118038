/** One outbound request with one deadline over everything: DNS, connect, TLS, headers and body. */
export interface HttpRequest {
	method: "GET" | "POST";
	url: string;
	headers: Record<string, string>;
	body?: string;
	deadlineMs: number;
	/** Bytes of the answer to keep; the rest is not read. */
	keepBytes: number;
	/** `public`: only addresses that callbacks may reach. `operator`: a host the operator configured. */
	reach: "public" | "operator";
	/** A request that must not be sent twice gets a connection of its own: a stale one leaves "was it sent?" open. */
	once?: boolean;
}

/** Closed list. The first group happened before a byte of the request was written, for certain. */
export type HttpFailure =
	| "dns_error"
	| "address_refused"
	| "connect_failed"
	| "connect_timeout"
	| "tls_error"
	| "timeout"
	| "connection_lost"
	/** We were told to stop and cut it ourselves. Never a request with `once`: that one ends by its own deadline. */
	| "stopped";

export type HttpAnswer =
	| { kind: "response"; status: number; headers: Record<string, string>; body: string; truncated: boolean }
	| { kind: "failed"; reason: HttpFailure; before: boolean };

/** The network port. A failure is an answer, never an exception. Redirects are not followed. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;
