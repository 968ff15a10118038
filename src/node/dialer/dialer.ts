import { Agent } from "undici";
import type { Config } from "../../config.ts";
import { AddressGuard, type AddressRules } from "../../core/address/guard.ts";
import type { Http, HttpAnswer, HttpRequest } from "../../core/http.ts";
import { connector, type Reach } from "./connector.ts";
import { Exchange } from "./exchange.ts";
import { Names } from "./names.ts";
import { inPieces } from "./pieces.ts";

/** Outbound HTTP of one process. */
export interface Dialer extends Http {
	/** Ends what is under way as `stopped`, and what comes, but for requests with `once`: those end by their own deadlines. */
	cut(): void;
	/** Closes all connections, those in use, too. */
	close(): Promise<void>;
}

/** Of names and values in one block of header fields, or of trailers. Undici's default is Node's, which a flag can raise. */
const HEADER_BYTES = 16_384;
/** Of a connection that nobody uses, where any host may be the other side: without it a host's word would keep each for ten minutes. */
const KEPT_MS = 4000;

/**
 * Outbound HTTP over undici's `request`, which is three times as fast as any fetch. The address guard sits in the
 * connector's own look-up, so that what is judged is what is dialled; a redirect is an answer like any other.
 */
export function createHttp(config: AddressRules & Pick<Config, "publicUrl" | "connectDeadlineMs" | "callbackDns">): Dialer {
	const guard = new AddressGuard(config, config.publicUrl);
	// it ends before the time to connect does, so that a slow name server is told as dns_error, not as connect_timeout
	const names = new Names({ deadlineMs: (config.connectDeadlineMs * 4) / 5, servers: config.callbackDns });
	const poolsOf = (reach: Reach | null) => {
		const kept = reach === null ? {} : { keepAliveTimeout: KEPT_MS, keepAliveMaxTimeout: KEPT_MS };
		const options = { connect: inPieces(connector(config.connectDeadlineMs, reach)), maxHeaderSize: HEADER_BYTES, ...kept };
		// no limit of connections: lanes limit the requests, and one that waited here would spend its receiver's deadline
		return { kept: new Agent(options), once: new Agent({ ...options, pipelining: 0 }) }; // 0 = a connection for each
	};
	const pools = { public: poolsOf({ guard, names }), operator: poolsOf(null) };
	const underWay = new Set<() => void>();
	let stopped = false;
	const send = async (request: HttpRequest): Promise<HttpAnswer> => {
		if (request.reach === "public" && guard.refusesUrl(request.url)) return { kind: "failed", reason: "address_refused", before: true };
		const pool = pools[request.reach];
		if (request.once) return new Exchange(request, pool.once).answer();
		if (stopped) return { kind: "failed", reason: "stopped", before: true };
		const exchange = new Exchange(request, pool.kept);
		const cut = () => exchange.end("stopped");
		underWay.add(cut);
		try {
			return await exchange.answer();
		} finally {
			underWay.delete(cut);
		}
	};
	const cut = () => {
		stopped = true;
		for (const one of underWay) one();
	};
	const close = async () => {
		await Promise.all([pools.public, pools.operator].flatMap(({ kept, once }) => [kept.destroy(), once.destroy()]));
	};
	return Object.assign(send, { cut, close });
}
