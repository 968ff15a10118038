/**
 * One attack on a port, in a process of its own, until its input ends; then one line of JSON says what it did:
 * `node attacker.ts <attack> <port> <path of a live token>`.
 */
import { connect, type Socket } from "node:net";
import os from "node:os";
import { wire } from "./load.ts";

const [name = "", portText = "", livePath = ""] = process.argv.slice(2);
const port = Number(portText);
/** In the place of machines elsewhere: this one has no cores to spare. */
os.setPriority(15);

const did = { connections: 0, requests: 0, answers: {} as Record<string, number>, closed: 0, errors: 0, megabytes: 0 };

function open(onOpen: (socket: Socket) => void, onAnswer: (socket: Socket, statuses: string[]) => void, onClose: () => void): Socket {
	const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => {
		did.connections++;
		onOpen(socket);
	});
	socket.on("data", (bytes) => {
		const statuses = bytes.toString("latin1").match(/HTTP\/1\.1 \d{3}/g) ?? [];
		for (const status of statuses) did.answers[status.slice(9)] = (did.answers[status.slice(9)] ?? 0) + 1;
		onAnswer(socket, statuses);
	});
	socket.on("error", () => did.errors++);
	socket.on("close", () => {
		did.closed++;
		onClose();
	});
	return socket;
}

const send = (socket: Socket, bytes: Buffer | string): boolean => {
	did.megabytes += Buffer.byteLength(bytes) / 1_048_576;
	return socket.write(bytes);
};
const later = (ms: number, fn: () => void) => void setTimeout(fn, ms);

/** Keeps so many connections; each that is closed is opened again. */
function hold(count: number, onOpen: (socket: Socket) => void, perSecond = 0): void {
	const one = () =>
		void open(
			onOpen,
			() => {},
			() => later(20, one),
		);
	if (perSecond === 0) for (let i = 0; i < count; i++) one();
	let opened = 0;
	const timer = setInterval(() => {
		for (let i = 0; i < perSecond / 50 && opened < count; i++, opened++) one();
		if (opened >= count) clearInterval(timer);
	}, 20);
}

/** One request at a time on each connection: as fast as it is answered, or at a rate over all of them. */
function flood(connections: number, perSecond: number | null, request: () => Buffer | string, answersOf = 1): void {
	const idle: Socket[] = [];
	const waiting = new Map<Socket, number>();
	const go = (socket: Socket) => {
		did.requests++;
		waiting.set(socket, answersOf);
		send(socket, request());
	};
	const ready = (socket: Socket) => (perSecond === null ? go(socket) : void idle.push(socket));
	const one = () => {
		const socket = open(
			ready,
			(from, statuses) => {
				const left = (waiting.get(from) ?? 0) - statuses.length;
				waiting.set(from, left);
				if (left <= 0 && statuses.length > 0) ready(from);
			},
			() => {
				waiting.delete(socket);
				if (idle.includes(socket)) idle.splice(idle.indexOf(socket), 1);
				later(1, one);
			},
		);
	};
	for (let i = 0; i < connections; i++) one();
	if (perSecond === null) return;
	const began = performance.now();
	let due = 0;
	setInterval(() => {
		for (const until = ((performance.now() - began) / 1000) * perSecond; due < until; due++) {
			const socket = idle.shift();
			if (socket === undefined) continue;
			go(socket);
		}
	}, 5);
}

const SIGNED_LOOKING = { "x-deapi-signature": `sha256=${"0".repeat(64)}`, "content-type": "application/json" };
const now = () => String(Math.floor(Date.now() / 1000));
const forged = (bytes: number) => () => wire("/hooks/deapi", { ...SIGNED_LOOKING, "x-deapi-timestamp": now() }, "x".repeat(bytes));
const unsigned = (bytes: number) => () => wire(livePath, { "content-type": "application/json" }, "x".repeat(bytes));
const large = Buffer.alloc(65_536, 120);

const SIGNED_HEAD = `POST /hooks/deapi HTTP/1.1\r\nhost: a\r\nx-deapi-signature: ${SIGNED_LOOKING["x-deapi-signature"]}\r\nx-deapi-timestamp: ${now()}\r\n`;

/** A body whose end never comes, or not soon. */
function pour(socket: Socket, head: string): void {
	did.requests++;
	send(socket, `${SIGNED_HEAD}${head}\r\n\r\n`);
	const chunk = head.includes("chunked") ? Buffer.concat([Buffer.from("10000\r\n"), large, Buffer.from("\r\n")]) : large;
	const more = () => {
		while (!socket.destroyed && send(socket, chunk));
		if (!socket.destroyed) socket.once("drain", more);
	};
	more();
}

function drip(socket: Socket, start: string): void {
	did.requests++;
	send(socket, start);
	const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : send(socket, "a")), 1000);
}

const ATTACKS: Record<string, () => void> = {
	slowloris: () => hold(1000, (socket) => drip(socket, "POST /hooks/deapi HTTP/1.1\r\nhost: a\r\nx-slow: "), 1000),
	idle: () => hold(10_000, () => {}, 5000),
	drips: () => hold(1000, (socket) => drip(socket, `${SIGNED_HEAD}content-length: 1000\r\n\r\n`), 1000),
	forged: () => flood(50, 2000, forged(1024)),
	forged_max: () => flood(50, null, forged(1024)),
	large: () => flood(16, 50, forged(1_048_576)),
	unsigned: () => flood(50, 2000, unsigned(1024)),
	headers: () => {
		const fields = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: ${"b".repeat(180)}\r\n`).join("");
		const requests = [15, 80, 330].map((count) =>
			Buffer.from(`POST /hooks/deapi HTTP/1.1\r\nhost: a\r\n${fields(count)}content-length: 0\r\n\r\n`),
		);
		let i = 0;
		flood(50, 1000, () => requests[i++ % requests.length] ?? "");
	},
	garbage: () => {
		const request = unsigned(10)().toString();
		flood(50, 1000, () => `${request}${request}${request}\u0000GARBAGE\r\n\r\n`, 4);
	},
	churn: () => {
		const timer = setInterval(() => {
			for (let i = 0; i < 20; i++) {
				open(
					(socket) => socket.resetAndDestroy(),
					() => {},
					() => {},
				);
			}
		}, 10);
		timer.ref();
	},
	endless: () => hold(8, (socket) => pour(socket, "transfer-encoding: chunked")),
	gigabyte: () => hold(8, (socket) => pour(socket, "content-length: 1073741824")),
};

ATTACKS[name]?.();
process.stdin.resume().on("end", () => {
	console.log(JSON.stringify({ ...did, megabytes: Math.round(did.megabytes) }));
	process.exit();
});
