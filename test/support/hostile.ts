import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import tls from "node:tls";
import { Worker } from "node:worker_threads";

export type Act = (socket: Socket) => unknown;
/** What a peer does on its first connection when that is opened, and when the first request has come whole. Then it is as good as any. */
export interface Peer {
	opened?: Act;
	asked?: Act;
	/** It is asked over TLS, and speaks it, or not. */
	https?: boolean;
	/** On every connection and at every request. */
	always?: boolean;
	secure?: { key: Buffer; cert: Buffer };
}

export const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
export const head = (status: string, ...lines: string[]): string => `${[`HTTP/1.1 ${status}`, ...lines].join("\r\n")}\r\n\r\n`;
export const CHUNKED = head("200 OK", "transfer-encoding: chunked");
export const packed = (how: string, bytes: Buffer): Buffer =>
	Buffer.concat([Buffer.from(head("200 OK", `content-encoding: ${how}`, `content-length: ${bytes.length}`)), bytes]);

export const says =
	(...texts: (string | Buffer)[]): Act =>
	(socket) =>
		socket.write(Buffer.concat(texts.map((text) => Buffer.from(text as string))));
/** Says it, and closes its side. */
export const ends =
	(text: string): Act =>
	(socket) =>
		socket.end(text);
export const resets: Act = (socket) => socket.resetAndDestroy();

/** Says a piece every few milliseconds. */
export const drips =
	(start: string, piece: string): Act =>
	(socket) => {
		socket.write(start);
		const timer = setInterval(() => socket.write(piece), 5);
		socket.once("close", () => clearInterval(timer));
	};
/** Says a piece again and again, as fast as it is read. */
export const pours =
	(start: string, piece: string): Act =>
	(socket) => {
		const much = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
		const pour = () => {
			while (!socket.destroyed && socket.write(much));
		};
		socket.on("drain", pour);
		socket.write(start);
		pour();
	};

/** How many whole requests these bytes are. */
function requestsIn(received: string): number {
	let [count, rest] = [0, received];
	for (;;) {
		const end = rest.indexOf("\r\n\r\n");
		const length = Number(/^content-length: (\d+)/im.exec(rest.slice(0, end))?.[1] ?? 0);
		if (end === -1 || rest.length < end + 4 + length) return count;
		rest = rest.slice(end + 4 + length);
		count++;
	}
}

/** A server on 127.0.0.1 that is hostile once. */
export async function openPeer(peer: Peer) {
	const connections: { socket: Socket; received: string }[] = [];
	let asked = 0;
	const onSocket = (socket: Socket) => {
		const connection = { socket, received: "" };
		connections.push(connection);
		let answered = 0;
		socket.on("error", () => {});
		socket.on("data", (bytes) => {
			connection.received += bytes.toString("latin1");
			for (; answered < requestsIn(connection.received); answered++) {
				if (peer.asked !== undefined && (asked++ === 0 || peer.always)) peer.asked(socket);
				else socket.write(OK);
			}
		});
		if (connections.length === 1 || peer.always) peer.opened?.(socket);
	};
	const server = peer.secure === undefined ? net.createServer(onSocket) : tls.createServer(peer.secure, onSocket);
	server.on("tlsClientError", () => {});
	await once(server.listen(0, "127.0.0.1"), "listening");
	return {
		host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		connections,
		/** Requests that were begun, whole or not. */
		posts: () => connections.reduce((sum, { received }) => sum + received.split("POST /").length - 1, 0),
		close: async () => {
			server.close();
			for (const { socket } of connections) socket.destroy();
			await once(server, "close");
		},
	};
}

/** Listens, and accepts nobody: its queue is full, so that a connection to it is neither made nor refused. */
export async function blackHole() {
	const deaf = `const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
		require("node:worker_threads").parentPort.postMessage(server.address().port);
		setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
	})`;
	const worker = new Worker(deaf, { eval: true });
	const [port] = (await once(worker, "message")) as [number];
	const waiting: Socket[] = [];
	for (let queued = true; queued; ) {
		const socket = net.connect(port, "127.0.0.1").on("error", () => {});
		waiting.push(socket);
		queued = await Promise.race([once(socket, "connect").then(() => true), setTimeout(100, false)]);
	}
	const close = async () => {
		for (const socket of waiting) socket.destroy();
		await worker.terminate();
	};
	return { host: `127.0.0.1:${port}`, close };
}

/** A certificate for these names that nobody vouches for. `expired`: years ago. */
export function certificate(names: string, expired = false): { key: Buffer; cert: Buffer } {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-tls-"));
	const [key, cert, request, config] = ["key.pem", "cert.pem", "request.pem", "ca.cnf"].map((name) => path.join(folder, name)) as [
		string,
		string,
		string,
		string,
	];
	const section = [
		"[ca]",
		"default_ca = own",
		"[own]",
		`dir = ${folder}`,
		"database = $dir/index",
		"rand_serial = yes",
		`new_certs_dir = $dir`,
	];
	const rest = ["default_md = sha256", "policy = any", "x509_extensions = ext", "[any]", "commonName = supplied", "[ext]"];
	writeFileSync(config, [...section, ...rest, `subjectAltName = ${names}`].join("\n"));
	writeFileSync(path.join(folder, "index"), "");
	const run = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore", cwd: folder });
	const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
	run("req", ...curve, "-new", "-keyout", key, "-out", request, "-subj", "/CN=jobhook");
	const [start, end] = expired ? ["20200101000000Z", "20200102000000Z"] : ["20200101000000Z", "20490101000000Z"];
	run(
		"ca",
		"-batch",
		"-selfsign",
		"-config",
		config,
		"-keyfile",
		key,
		"-in",
		request,
		"-out",
		cert,
		"-startdate",
		start,
		"-enddate",
		end,
		"-notext",
	);
	const pair = { key: readFileSync(key), cert: readFileSync(cert) };
	rmSync(folder, { recursive: true, force: true });
	return pair;
}
