/** Acknowledges every callback; `GET /` tells how many came and when the first and the last did (milliseconds). */
import { createServer } from "node:http";

let [count, first, last] = [0, 0, 0];
const server = createServer((request, response) => {
	if (request.method === "GET") {
		response.end(JSON.stringify({ count, first, last }));
		return;
	}
	if (request.method === "DELETE") {
		[count, first, last] = [0, 0, 0];
		response.end();
		return;
	}
	if (request.url === "/healthz") {
		response.end();
		return;
	}
	request.resume();
	request.on("end", () => {
		last = performance.now();
		if (count++ === 0) first = last;
		response.writeHead(200, { "content-length": 0 }).end();
	});
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
