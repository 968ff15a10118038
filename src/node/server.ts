import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Config } from "../config.ts";
import { Throttle } from "../core/throttle.ts";
import type { Log } from "../deps.ts";
import { nodesOwn, watchBodies } from "./deadlines.ts";

/** How late Node may notice a deadline of a request to us; its own 30 s would be three times the deadline. */
const CHECK_EVERY_MS = 1000;
/** Of one request; more are a 431. */
const HEADER_BLOCK_BYTES = 16_384;
const MOST_HEADERS = 100;
/** Longer than the proxies in front of us keep theirs, mostly 60 s: one that we end while it is written to loses a webhook. */
const KEEP_ALIVE_MS = 65_000;
/** Of the system's open files, for the log, the database and connections that are closing. */
const OTHER_FILES = 200;
/** Of the log, about connections that are closed as they come. */
const DROPPED_LINES = { most: 1, everyMs: 5000 };

type Limits = Pick<Config, "maxConnections" | "processConcurrency" | "databasePool"> & Parameters<typeof nodesOwn>[0];

/** The listening side of HTTP with all its limits; nobody answers yet. Logs where the system allows fewer connections than the setting. */
export function createLimitedServer(config: Limits, log: Log): Server {
	const server = createServer({
		...nodesOwn(config),
		connectionsCheckingInterval: CHECK_EVERY_MS,
		maxHeaderSize: HEADER_BLOCK_BYTES,
		keepAliveTimeout: KEEP_ALIVE_MS,
		insecureHTTPParser: false, // whatever NODE_OPTIONS says
	});
	server.maxHeadersCount = MOST_HEADERS + 1; // the rest of them would be left out in silence
	server.maxConnections = mostConnections(config, log);
	const lines = new Throttle(DROPPED_LINES);
	server.on("drop", () => {
		const unsaid = lines.pass(performance.now());
		if (unsaid !== null) log.warn({ open: server.maxConnections, dropped: unsaid + 1 }, "connections.dropped");
	});
	watchBodies(server, config);
	return server;
}

/**
 * Refuses what Node's own parser lets pass and others in front of us may read differently, so that a request hides in
 * another's body: two hosts, a transfer coding beside `chunked`, or one from before there were any. True when it did.
 */
export function refuseAmbiguous(request: IncomingMessage, response: ServerResponse): boolean {
	const status = ambiguity(request);
	if (status === null) return false;
	response.writeHead(status, { connection: "close", "content-length": 0 }).end();
	return true;
}

function ambiguity({ headers, rawHeaders, httpVersion }: IncomingMessage): 400 | 431 | null {
	if (rawHeaders.length > 2 * MOST_HEADERS) return 431;
	const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.length === 4 && name.toLowerCase() === "host");
	if (hosts.length > 1) return 400;
	const coding = headers["transfer-encoding"];
	return coding !== undefined && (httpVersion === "1.0" || coding.toLowerCase() !== "chunked") ? 400 : null;
}

/** No flood of connections takes the open files that callbacks and the database need. */
function mostConnections({ maxConnections, processConcurrency, databasePool }: Limits, log: Log): number {
	const files = openFilesAllowed();
	const left = Math.max(Math.floor(files / 2), files - processConcurrency - databasePool - OTHER_FILES);
	if (left < maxConnections)
		log.info(
			{ open_files: files, connections: left, wanted: maxConnections, hint: "raise ulimit -n, or set MAX_CONNECTIONS" },
			"connections.limited",
		);
	return Math.min(left, maxConnections);
}

/** Linux tells; elsewhere the setting alone counts. */
function openFilesAllowed(): number {
	try {
		const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
		return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
	} catch {
		return Number.POSITIVE_INFINITY;
	}
}
