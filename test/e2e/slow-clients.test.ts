import net from "node:net";
import { describe, expect, it } from "vitest";
import { API_KEY } from "../support/launch.ts";
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
		const signedLooking = `x-deapi-signature: sha256=${"0".repeat(64)}\r\nx-deapi-timestamp: ${Math.floor(Date.now() / 1000)}\r\n`;
		const slow = [
			"POST /v1/jobs HTTP/1.1\r\nhost: a\r\nx-slow: ",
			`POST /hooks/deapi HTTP/1.1\r\nhost: a\r\n${signedLooking}content-length: 100000\r\n\r\n`,
		];
		const ends = slow.map((start) => drip(port, start));
		expect(await call("/healthz")).toEqual({ status: "ok" });
		for (const end of await Promise.all(ends)) expect(end).toMatch(/^(HTTP\/1.1 408 Request Timeout|$)/);
		expect(await call("/healthz")).toEqual({ status: "ok" });
	});

	it("has longer for an upload, and no longer than that", async () => {
		const limits = { HEADERS_DEADLINE_MS: "300", BODY_DEADLINE_MS: "300", TRANSFER_DEADLINE_S: "2" };
		const { port } = await service({ ...limits, SANDBOX: "1" });
		const head = `HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${API_KEY}\r\ncontent-length: 100000\r\n`;
		const startedAt = Date.now();
		const took = async (start: string) => {
			const end = await drip(port, start);
			expect(end).toMatch(/^(HTTP\/1.1 408 Request Timeout|$)/);
			return Date.now() - startedAt;
		};
		const form = "content-type: multipart/form-data; boundary=edge\r\n\r\n--edge\r\ncontent-disposition: form-data; name=";
		const [body, file, job] = await Promise.all([
			took(`POST /v1/jobs ${head}content-type: application/json\r\n\r\n`),
			took(`POST /v1/files ${head}${form}file\r\n\r\n`),
			took(`POST /v1/jobs?wait=1 ${head}${form}data\r\n\r\n`),
		]);
		expect(body).toBeLessThan(2000);
		for (const upload of [file, job]) expect(upload).toBeGreaterThan(2000);
	});
});
