import type { LookupFunction } from "node:net";
import { buildConnector } from "undici";
import type { AddressGuard } from "../../core/address/guard.ts";
import { literalOf } from "../../core/address/literal.ts";
import type { HttpFailure } from "../../core/http.ts";
import type { Names } from "./names.ts";

/** Raised by our own connector only: what it stops was never written to a socket. */
export class NotConnected extends Error {
	readonly reason: HttpFailure;
	constructor(reason: HttpFailure) {
		super(reason);
		this.reason = reason;
	}
}

/** Who may be reached, and who knows where names are. */
export interface Reach {
	guard: AddressGuard;
	names: Names;
}

/** Makes undici's connections, each within `timeout` ms. `reach` null: to every address. */
export function connector(timeout: number, reach: Reach | null): buildConnector.connector {
	const build = (plain: boolean) =>
		buildConnector({
			timeout,
			allowH2: false, // it shares a session and sends a refused stream's POST again by itself: neither is ours to allow
			autoSelectFamily: true,
			// after so long Node gives an address up for good, but for the last one. Its default of 0.25 s loses every host behind
			// a slow way, or a lost packet, which is sent again after 1 s
			autoSelectFamilyAttemptTimeout: Math.max(10, timeout / 4),
			...(reach ? { lookup: guardedLookup(reach, plain) } : {}),
		});
	const [https, http] = [build(false), build(true)];
	return (options, callback) => {
		const plain = options.protocol === "http:";
		if (reach !== null && isRefusedHost(reach.guard, options, plain)) return callback(new NotConnected("address_refused"), null);
		const connect = plain ? http : https;
		connect(options, (...[error, socket]) => (error ? callback(new NotConnected(reasonOf(error)), null) : callback(null, socket)));
	};
}

function isRefusedHost(guard: AddressGuard, { protocol, hostname, port }: buildConnector.Options, plain: boolean): boolean {
	const literal = literalOf(hostname);
	return guard.refusesHost(protocol, hostname, port) || (literal !== null && isRefused(guard, literal, plain));
}

/** Plain http only where the operator listed the address. */
function isRefused(guard: AddressGuard, address: string, plain: boolean): boolean {
	const verdict = guard.judge(address);
	return verdict === "refused" || (plain && verdict !== "listed");
}

/** Every address of an answer is judged, and one bad one refuses the name; the same list is dialled, and nobody looks again. */
function guardedLookup({ guard, names }: Reach, plain: boolean): LookupFunction {
	return (hostname, options, callback) => {
		void names.addressesOf(hostname).then((addresses) => {
			if (addresses.some(({ address }) => isRefused(guard, address, plain))) return callback(new NotConnected("address_refused"), "", 0);
			const [first] = addresses;
			if (first === undefined) return callback(new NotConnected("dns_error"), "", 0);
			return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
		});
	};
}

function reasonOf(error: Error & { code?: string; syscall?: string }): HttpFailure {
	if (error instanceof NotConnected) return error.reason;
	if (error.syscall === "getaddrinfo" || error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return "dns_error";
	if (error.code === "UND_ERR_CONNECT_TIMEOUT" || error.code === "ETIMEDOUT") return "connect_timeout";
	return /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_|UNABLE_TO|SELF_SIGNED|EPROTO)/.test(error.code ?? "") ? "tls_error" : "connect_failed";
}
