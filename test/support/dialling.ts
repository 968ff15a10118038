import { onTestFinished } from "vitest";
import type { HttpRequest } from "../../src/core/http.ts";
import { createHttp } from "../../src/node/dialer/dialer.ts";
import { type DnsServer, dnsServer, type Script } from "./dns-server.ts";
import { reaching } from "./reach.ts";
import { answering, type Listener, listen } from "./sockets.ts";

/** The connection ends with it, so that the next request needs another. */
export const OK = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
/** Stands for the public internet: the rules of these tests list it, and the rest of this machine is as private as ever. */
export const GOOD = "127.0.0.3";
export const SILENT = { silent: ["A", "AAAA"] };

/** Closed with the test, the last one first. */
export function kept<T extends { close(): Promise<void> }>(one: T): T {
	onTestFinished(() => one.close());
	return one;
}
export const server = async (address?: string): Promise<Listener> => kept(await listen(answering(OK), undefined, address));
export const dns = async (script: Record<string, Script>): Promise<DnsServer> => kept(await dnsServer(script));

/** Sends through a client of its own that asks this name server. */
export function dialer({ address }: DnsServer, over: Partial<Parameters<typeof createHttp>[0]> = {}) {
	const http = kept(createHttp({ ...reaching([`${GOOD}/32`]), callbackDns: [address], connectDeadlineMs: 5000, ...over }));
	return (url: string, more: Partial<HttpRequest> = {}) =>
		http({ method: "POST", url, headers: {}, body: "{}", deadlineMs: 8000, keepBytes: 1000, reach: "public", ...more });
}
export const failed = (reason: string) => ({ kind: "failed", reason, before: true });

export async function timed<T>(work: Promise<T>): Promise<[answer: T, ms: number]> {
	const began = performance.now();
	const answer = await work;
	return [answer, performance.now() - began];
}
