import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";

export interface Listener {
	port: number;
	/** `127.0.0.1:<port>`, or of the address it was told to listen at */
	host: string;
	/** Connections that were accepted, and what came over each of them. */
	connections: { socket: Socket; received: string; closed: Promise<unknown> }[];
	close(): Promise<void>;
}

/** A server that speaks bytes, so that it can do what no HTTP server would. `onData` is called with all that came so far. */
export async function listen(
	onData: (socket: Socket, received: string) => void,
	onOpen: (socket: Socket) => void = () => {},
	address = "127.0.0.1",
): Promise<Listener> {
	const connections: Listener["connections"] = [];
	const server = net.createServer((socket) => {
		const connection = { socket, received: "", closed: new Promise((resolve) => socket.once("close", resolve)) };
		connections.push(connection);
		socket.on("error", () => {});
		socket.on("data", (bytes) => {
			connection.received += bytes.toString("latin1");
			onData(socket, connection.received);
		});
		onOpen(socket);
	});
	server.listen(0, address);
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	const close = async () => {
		server.close();
		for (const { socket } of connections) socket.destroy();
		await once(server, "close");
	};
	return { port, host: `${address}:${port}`, connections, close };
}

/** Answers every whole request with this text. */
export const answering =
	(text: string) =>
	(socket: Socket, received: string): void => {
		if (received.endsWith("\r\n\r\n") || received.endsWith("{}")) socket.write(text);
	};

/** A certificate that nobody signed but itself, for `localhost` and 127.0.0.1. */
export function selfSigned(): { key: Buffer; cert: Buffer } {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-tls-"));
	const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
	const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
	const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-keyout", key, "-out", cert];
	execFileSync("openssl", ["req", "-x509", ...made, ...subject], { stdio: "ignore" });
	const pair = { key: readFileSync(key), cert: readFileSync(cert) };
	rmSync(folder, { recursive: true, force: true });
	return pair;
}
