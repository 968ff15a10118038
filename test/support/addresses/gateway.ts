import net, { type LookupFunction } from "node:net";
import tls from "node:tls";
import { sql } from "drizzle-orm";
import { vi } from "vitest";
import { newId } from "../../../src/core/ids.ts";
import { compileSql } from "../../../src/db/compile.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { events } from "../../../src/db/schema.ts";
import { createHttp } from "../../../src/node/dialer/dialer.ts";
import { fanOut } from "../../../src/outbound/fanout.ts";
import { dnsServer, type Says } from "../dns-server.ts";
import { answering, listen } from "../sockets.ts";
import { freshSqlite } from "../sqlite.ts";
import { openWorld } from "../world.ts";
import { OWN_URL, type Vector, vectorsAt } from "./vectors.ts";

const OK = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

const insertEvent = insertRow(events);
const setUrl = compileSql<{ id: string; url: string }, never>([], (p) => sql`UPDATE endpoints SET url = ${p.url} WHERE id = ${p.id}`);
const setInput = compileSql<{ id: string; input: string }, never>([], (p) => sql`UPDATE jobs SET input = ${p.input} WHERE id = ${p.id}`);
const attemptsAt = compileSql<{ target: string }, { outcome: string; reason: string }>(
	["outcome", "reason"],
	(p) => sql`SELECT a.outcome, a.reason FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.target = ${p.target}`,
);

/**
 * A gateway with the default rules whose callbacks and downloads leave by the client of the process, a name server that knows
 * the names of the vectors, and somebody who hears of it when this machine is called. Public addresses are not called in earnest.
 */
export async function openGateway() {
	const heard = await listen(answering(OK), undefined, "::");
	const vectors = vectorsAt(heard.port);
	const names = vectors.flatMap(({ url, answers }) => (answers ? [[hostOf(url).replace(/\.$/, ""), answers as Says] as const] : []));
	const nameServer = await dnsServer(Object.fromEntries(names));
	const env = { PUBLIC_URL: OWN_URL, CALLBACK_DNS: nameServer.address, CONNECT_DEADLINE_MS: "1000", REQUESTS_PER_MINUTE: "0" };
	const world = await openWorld(freshSqlite(), { env: { ...env, BACKPRESSURE_S: "0" } });
	const { deps } = world;
	const [network, dialer] = [deps.http, createHttp(deps.config)];
	deps.http = (request) => (request.reach === "public" ? dialer(request) : network(request));
	const dialled = pretend(new Set(vectors.flatMap(({ url, fate }) => (fate === "through" ? [hostOf(url)] : []))));

	return {
		world,
		vectors,
		/** What came to this machine. */
		heard,
		/** Hosts of which the client wanted a connection. */
		dialled,
		post: async (path: string, body: unknown) => {
			const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
			const answer = await world.request(path, init);
			const { id = null, error } = (await answer.json()) as { id?: string; error?: { details?: { field: string }[] } };
			return { status: answer.status, id, fields: error?.details?.map(({ field }) => field) ?? [] };
		},
		/** As an older version, which let everything through, would have stored it. */
		storeAnyhow: (endpoint: string, job: string, url: string) => {
			const input = JSON.stringify({ prompt: "in snow", data: url });
			return deps.db.batch([setUrl.bind({ id: endpoint, url }), setInput.bind({ id: job, input })]);
		},
		/** An event for all endpoints that subscribe to it. */
		tell: async (type: string) => {
			const now = world.now();
			const [id, jobId, appId] = [newId("evt", now), newId("job", now), world.appId];
			const { makes } = fanOut({ eventId: id, appId, jobId, terminal: true, now, target: null });
			await deps.db.batch([insertEvent.bind({ id, appId, jobId, type, revision: 1, body: "{}", createdAt: now }), ...makes]);
		},
		attempts: (endpoint: string) => deps.db.read(attemptsAt.bind({ target: endpoint })),
		close: async () => {
			vi.restoreAllMocks();
			await dialer.close();
			await world.close();
			await nameServer.close();
			await heard.close();
		},
	};
}

/** As the client asks for a connection to it. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, "") : "");
export const isUrl = ({ url }: Vector): boolean => URL.canParse(url);

/** In place of a connection to these hosts there is the look-up it would begin with, and then nobody. All others are made. */
function pretend(hosts: ReadonlySet<string>): Set<string> {
	const dialled = new Set<string>();
	const real = tls.connect as (options: tls.ConnectionOptions) => tls.TLSSocket;
	const stand = (options: tls.ConnectionOptions) => {
		const host = String(options.host).replace(/^\[|\]$/g, "");
		dialled.add(host);
		if (!hosts.has(host)) return real(options);
		const socket = new net.Socket();
		const end = (error: Error | null) => socket.destroy(error ?? Object.assign(new Error("nobody"), { code: "ECONNREFUSED" }));
		if (net.isIP(host) > 0) setImmediate(end, null);
		else (options.lookup as LookupFunction)(host, { all: true }, end);
		return socket;
	};
	vi.spyOn(tls, "connect").mockImplementation(stand as never);
	return dialled;
}
