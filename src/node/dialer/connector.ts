import dns from "node:dns";
import type { LookupFunction } from "node:net";
import { buildConnector } from "undici";
import type { AddressGuard } from "../../core/address/guard.ts";
import { literalOf } from "../../core/address/literal.ts";
import type { HttpFailure } from "../../core/http.ts";

/** Raised by our own connector only: what it stops was never written to a socket. */
export class NotConnected extends Error {
	readonly reason: HttpFailure;
	constructor(reason: HttpFailure) {
		super(reason);
		this.reason = reason;
	}
}

/** Null: reaches every address. */
export function connector(timeout: number, guard: AddressGuard | null): buildConnector.connector {
	// HTTP/2 shares a session and sends a refused stream's POST again by itself: neither is ours to allow
	const build = (plain: boolean) => buildConnector({ timeout, allowH2: false, ...(guard ? { lookup: guardedLookup(guard, plain) } : {}) });
	const [https, http] = [build(false), build(true)];
	return (options, callback) => {
		const plain = options.protocol === "http:";
		const literal = literalOf(options.hostname);
		const refused =
			guard !== null && (guard.refusesHost(options.protocol, options.hostname, options.port) || isRefused(guard, literal, plain));
		if (refused) return callback(new NotConnected("address_refused"), null);
		const connect = plain ? http : https;
		connect(options, (...[error, socket]) => (error ? callback(new NotConnected(reasonOf(error)), null) : callback(null, socket)));
	};
}

/** Plain http only where the operator listed the address. */
const isRefused = (guard: AddressGuard, address: string | null, plain: boolean) => {
	if (address === null) return false;
	const verdict = guard.judge(address);
	return verdict === "refused" || (plain && verdict !== "listed");
};

/** Every address of an answer is judged: one bad one refuses the name. */
function guardedLookup(guard: AddressGuard, plain: boolean): LookupFunction {
	return (hostname, options, callback) => {
		dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
			if (error) return callback(error, "", 0);
			if (addresses.some(({ address }) => isRefused(guard, address, plain))) return callback(new NotConnected("address_refused"), "", 0);
			const [first] = addresses;
			if (options.all) return callback(null, addresses);
			return first ? callback(null, first.address, first.family) : callback(new NotConnected("dns_error"), "", 0);
		});
	};
}

function reasonOf(error: Error & { code?: string; syscall?: string }): HttpFailure {
	if (error instanceof NotConnected) return error.reason;
	if (error.syscall === "getaddrinfo" || error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return "dns_error";
	if (error.code === "UND_ERR_CONNECT_TIMEOUT" || error.code === "ETIMEDOUT") return "connect_timeout";
	return /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_|UNABLE_TO|SELF_SIGNED|EPROTO)/.test(error.code ?? "") ? "tls_error" : "connect_failed";
}
