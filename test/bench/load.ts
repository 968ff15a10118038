import { connect } from "node:net";

/** One request as it goes over the wire. */
export function wire(path: string, headers: Record<string, string>, body: string): Buffer {
	const lines = Object.entries({ host: "127.0.0.1", ...headers, "content-length": String(Buffer.byteLength(body)) });
	return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n${body}`);
}

/**
 * Sends every request once over `connections` sockets, one at a time each, and reads the answers with as little work as
 * possible, so that the server and not the client is the limit. Returns requests per second; another status is an error.
 */
export async function load(port: number, requests: readonly Buffer[], connections: number, expected: number): Promise<number> {
	let next = 0;
	const began = performance.now();
	const socket = () =>
		new Promise<void>((resolve, reject) => {
			const connection = connect(port, "127.0.0.1");
			let pending = "";
			const send = () => {
				const request = requests[next++];
				if (request === undefined) return void connection.end(resolve);
				connection.write(request);
			};
			connection.setNoDelay(true);
			connection.on("error", reject);
			connection.on("connect", send);
			connection.on("data", (chunk) => {
				pending += chunk.toString("latin1");
				const head = pending.indexOf("\r\n\r\n");
				if (head < 0) return;
				const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? Number.NaN);
				if (Number.isNaN(length)) return reject(new Error(`no content-length: ${pending.slice(0, head)}`));
				if (pending.length < head + 4 + length) return;
				const status = Number(pending.slice(9, 12));
				if (status !== expected) return reject(new Error(`answered ${pending}`));
				pending = "";
				send();
			});
		});
	await Promise.all(Array.from({ length: connections }, socket));
	return (requests.length / (performance.now() - began)) * 1000;
}
