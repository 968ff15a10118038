import net from "node:net";
import { describe, expect, it } from "vitest";
import { service } from "../support/process.ts";

/** Writes `start`, then a byte whenever it may, and resolves with all that came back once the connection is gone. */
function drip(port: number, start: string): Promise<string> {
	return new Promise((resolve) => {
		let answer = "";
		const socket = net.connect(port, "127.0.0.1", () => socket.write(start));
		const timer = setInterval(() => socket.write("a"), 50);
		socket.on("data", (chunk) => {
			answer += chunk.toString();
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			clearInterval(timer);
			resolve(answer);
		});
	});
}

describe("a client that takes its time", () => {
	it("is shown the door at the deadlines of headers and body, while others are served", async () => {
		const { port, call } = await service({ HEADERS_DEADLINE_MS: "300", BODY_DEADLINE_MS: "300", SANDBOX: "1" });
		const slow = [
			"POST /v1/jobs HTTP/1.1\r\nhost: a\r\nx-slow: ",
			"POST /hooks/deapi HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n",
		];
		const ends = slow.map((start) => drip(port, start));
		expect(await call("/healthz")).toEqual({ status: "ok" });
		for (const end of await Promise.all(ends)) expect(end).toMatch(/^(HTTP\/1.1 408 Request Timeout|$)/);
		expect(await call("/healthz")).toEqual({ status: "ok" });
	});
});
