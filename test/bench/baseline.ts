/** The fixed baseline: node:http that reads the body and answers. Never tuned; every ratio is measured against it. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	request.on("end", () => {
		const body = JSON.stringify({ bytes: Buffer.concat(chunks).length });
		response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
		response.end(body);
	});
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
