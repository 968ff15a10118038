import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getRequestListener } from "@hono/node-server";
import { bootstrap } from "../bootstrap.ts";
import type { Config } from "../config.ts";
import type { Deps, Due, Log } from "../deps.ts";
import { createApp } from "../http/app.ts";
import { sendWaitersHome } from "../jobs/wait.ts";
import { canBeHooked, defaultAccount, PROVIDERS } from "../providers/index.ts";
import type { Account } from "../providers/provider.ts";
import { createHttp } from "./dialer/dialer.ts";
import { createLog } from "./log.ts";
import { Loop } from "./loop.ts";
import { openStore } from "./open-store.ts";
import { createLimitedServer, refuseAmbiguous } from "./server.ts";
import type { Store } from "./store.ts";

const LOOP_SAMPLE_MS = 20;
/** What a send takes besides its request: reading the answer in, writing it down. */
const SETTLE_MS = 5000;

/** Of a stop. */
const CLOSE_IDLE_EVERY_MS = 20;
/** A database server that is started together with us is waited for. */
const PATIENCE_MS = 30_000;

export interface Gateway {
	/** Where it listens, e.g. `http://127.0.0.1:8080`. */
	url: string;
	deps: Deps;
	appId: string;
	/** Takes no new requests, lets what is under way finish (callbacks and polls for `DRAIN_S`), closes the database. */
	stop(): Promise<void>;
}

/** One whole service in this process: HTTP in, loop, HTTP out, over the database of the settings. */
export async function startGateway(config: Config, log: Log = createLog(config.logLevel)): Promise<Gateway> {
	const store = await openStore(config, log, { schema: "migrate", patienceMs: PATIENCE_MS });
	const server = createLimitedServer(config, log);
	try {
		return await startOver(store, server, config, log);
	} catch (e) {
		server.closeAllConnections();
		server.close();
		await store.close();
		throw e;
	}
}

async function startOver(store: Store, server: Server, config: Config, log: Log): Promise<Gateway> {
	const http = createHttp(config);
	const delay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
	delay.enable();

	// the port may be any free one, and the public URL is part of every link: listen first, then answer
	let answer: (request: Request) => Response | Promise<Response> = () =>
		new Response("starting", { status: 503, headers: { "retry-after": "1" } });
	const listener = getRequestListener((request) => answer(request));
	server.on("request", (incoming, outgoing) => void (refuseAmbiguous(incoming, outgoing) || listener(incoming, outgoing)));
	const url = await listen(server, config);

	const { db, blobs, clock, secrets } = store;
	const ports = { config, publicUrl: config.publicUrl ?? url, db, blobs, clock, random: Math.random, http, secrets, log };
	const wake = (...due: Due[]) => {
		loop.wake();
		if (due.some(({ at }) => at <= clock.now())) store.tell(); // for the rest we have a timer, and the others their sweep
	};
	const deps: Deps = { ...ports, wake, woken: async () => {} };
	const loop = new Loop({ ...deps, ...store.background });
	const { appId } = await bootstrap(deps);
	const vitals = () => ({ in_flight: loop.inFlight, event_loop_delay_p99_ms: lateMs(delay.percentile(99)) });
	answer = createApp(deps, { vitals }).fetch;
	loop.wake();
	store.hear(loop.wake);
	tellNews(deps, url, store.name);

	const stop = async () => {
		const closed = new Promise((resolve) => server.close(resolve));
		const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS); // one that asks again and again is idle in between
		sendWaitersHome();
		loop.stop();
		const drained = await loop.idle(config.drainMs);
		if (!drained) http.cut(); // all but sends to a provider: one that is cut would be of unknown outcome, and wait for a day
		const sending = Math.max(config.providerDeadlineMs, config.transferDeadlineMs);
		const clean = drained || (await loop.idle(sending + SETTLE_MS));
		sendWaitersHome();
		const cut = setTimeout(() => server.closeAllConnections(), 1000);
		await closed;
		clearInterval(idle);
		clearTimeout(cut);
		await http.close();
		await store.close();
		delay.disable();
		log.info({ drained, clean }, "gateway.stopped");
	};
	return { url, deps, appId, stop };
}

/** The histogram counts the sampling interval in, in nanoseconds. */
const lateMs = (nanoseconds: number) => Math.max(0, Math.round(nanoseconds / 1e4 - LOOP_SAMPLE_MS * 100) / 100);

async function listen(server: Server, { port, host }: Config): Promise<string> {
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, () => resolve());
	});
	const bound = server.address() as AddressInfo;
	const name = host === "0.0.0.0" || host === "::" ? "localhost" : bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
	return `http://${name}:${bound.port}`;
}

/** What an operator wants to know at a start, once. */
function tellNews(deps: Deps, url: string, database: string): void {
	const { config, log, publicUrl } = deps;
	const accounts = Object.keys(PROVIDERS).map((provider) => ({ provider, account: defaultAccount(config, provider) }));
	const newsBy = accounts.map(({ provider, account }) => [provider, newsOf(account, publicUrl)] as const);
	log.info({ url, public_url: publicUrl, database, news_by: Object.fromEntries(newsBy) }, "gateway.started");
	if (accounts.every(({ account }) => account === null))
		log.warn({}, "no key of any provider: submits are answered 422 provider_not_configured; SANDBOX=1 tries everything without one");
	const deapi = accounts.find(({ provider }) => provider === "deapi")?.account ?? null;
	if (deapi === null) return;
	if (!canBeHooked(deapi, publicUrl)) log.warn({}, "PUBLIC_URL is not https: deAPI cannot post to us, so every job is polled");
	else if (deapi.webhookSecrets.length === 0) log.warn({}, "no DEAPI_WEBHOOK_SECRET: deAPI's hooks prove nothing, so every job is polled");
}

const newsOf = (account: Account | null, publicUrl: string) =>
	account === null ? "not configured" : canBeHooked(account, publicUrl) && account.webhookSecrets.length > 0 ? "hooks" : "polls";
