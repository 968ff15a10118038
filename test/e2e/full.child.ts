import { type AddressInfo, connect, createServer } from "node:net";

/* Run as a process of its own: a server at 127.0.0.3 with no room for who knocks, for so many milliseconds. Then it answers everybody. */
const FULL_MS = 600;
const server = createServer((socket) => {
	socket.on("error", () => {});
	socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"));
});
server.listen({ port: 0, host: "127.0.0.3", backlog: 1 }, () => {
	const { port } = server.address() as AddressInfo;
	for (let i = 0; i < 8; i++) connect(port, "127.0.0.3").on("error", () => {}); // they take the room there is
	process.stdout.write(`${port}\n`, () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS)); // and nobody lets them in
});
