import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { filmClip } from "../../src/sandbox/video.ts";
import { API_KEY, type Service } from "../support/launch.ts";
import { service } from "../support/process.ts";

const MIB = 1_048_576;
const AUTH = { authorization: `Bearer ${API_KEY}` };
const HEAD = '--edge\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n';
const END = "\r\n--edge--\r\n";
const FORM = { ...AUTH, "content-type": "multipart/form-data; boundary=edge" };

/** A file of so many MiB, made as it is sent. */
function upload({ port }: Service, mib: number) {
	const hash = createHash("sha256");
	async function* body() {
		yield Buffer.from(HEAD);
		for (let i = 0; i < mib; i++) {
			const chunk = Buffer.alloc(MIB, i % 251);
			hash.update(chunk);
			yield chunk;
		}
		yield Buffer.from(END);
	}
	const init = { method: "POST", headers: FORM, body: ReadableStream.from(body()), duplex: "half" as const };
	return { answer: fetch(`http://127.0.0.1:${port}/v1/files`, init), sha256: () => hash.digest("hex") };
}

const blobsIn = ({ database }: Service): string[] =>
	existsSync(`${database}.blobs/files`)
		? readdirSync(`${database}.blobs/files`, { recursive: true })
				.filter((name) => String(name).includes("/"))
				.map(String)
		: [];

it("a file of 200 MiB goes through a process that never holds it", async () => {
	const jobhook = await service();
	await (await upload(jobhook, 2).answer).json(); // whatever is loaded at the first one
	const before = jobhook.memory("VmRSS");
	const { answer, sha256 } = upload(jobhook, 200);
	const response = await answer;
	expect(response.status).toBe(201);
	expect(await response.json()).toMatchObject({ name: "big.bin", size_bytes: 200 * MIB, sha256: sha256() });
	expect(jobhook.memory("VmHWM") - before).toBeLessThan(80);
});

it("a file that is too large is refused while it comes", async () => {
	const jobhook = await service({ FILE_MAX_MB: "1" });
	const socket = connect(jobhook.port, "127.0.0.1");
	const answered = new Promise<string>((resolve) =>
		socket.once("data", (data) => resolve(data.toString())).once("error", () => resolve("")),
	);
	socket.write(`POST /v1/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Length: ${900 * MIB}\r\n`);
	socket.write(`Content-Type: multipart/form-data; boundary=edge\r\n\r\n${HEAD}`);
	socket.write(Buffer.alloc(MIB + 1)); // and not a byte more
	const answer = await answered;
	expect(answer).toContain("HTTP/1.1 413");
	expect(answer).toContain("FILE_MAX_MB");
	socket.destroy();
	await expect.poll(() => blobsIn(jobhook)).toEqual([]);
});

it("a client that hangs up half-way leaves nothing, and the service goes on", async () => {
	const jobhook = await service();
	const socket = connect(jobhook.port, "127.0.0.1");
	socket.write(`POST /v1/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${API_KEY}\r\nTransfer-Encoding: chunked\r\n`);
	socket.write(`Content-Type: multipart/form-data; boundary=edge\r\n\r\n${HEAD.length.toString(16)}\r\n${HEAD}\r\n`);
	socket.write(`${MIB.toString(16)}\r\n`);
	socket.write(Buffer.alloc(MIB));
	socket.write("\r\n");
	await expect.poll(() => blobsIn(jobhook).length, { timeout: 5000 }).toBe(1); // half of it is there
	socket.destroy();
	await expect.poll(() => blobsIn(jobhook), { timeout: 5000 }).toEqual([]);
	expect((await jobhook.call<{ data: unknown[] }>("/v1/files")).data).toEqual([]);
	expect((await upload(jobhook, 1).answer).status).toBe(201);
	expect(jobhook.output()).not.toContain("request.broke");
});

it("a stranger's upload is refused before it is read", async () => {
	const { port } = await service();
	const socket = connect(port, "127.0.0.1");
	const closed = new Promise<string>((resolve) => {
		let answer = "";
		socket.on("data", (data) => {
			answer += data.toString();
		});
		socket.on("close", () => resolve(answer)).on("error", () => {});
	});
	socket.write(
		`POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\nContent-Type: multipart/form-data; boundary=edge\r\n\r\n${HEAD}`,
	);
	expect(await closed).toContain("HTTP/1.1 401"); // at once, not after the deadline of a transfer
});

it("a job with its file in one request ends as a file that is served in parts, over real connections", async () => {
	const jobhook = await service({ SANDBOX: "1" });
	const form = new FormData();
	form.set("data", new Blob([filmClip({ width: 64, height: 64, frames: 4, fps: 4, seed: "a clip" })]), "clip.mp4");
	form.set("job", JSON.stringify({ provider: "decart", type: "video_edit", model: "lucy-2.5", input: { prompt: "in snow" } }));
	const url = `http://127.0.0.1:${jobhook.port}/v1/jobs`;
	const made = await fetch(`${url}?wait=20`, { method: "POST", headers: AUTH, body: form });
	const job = (await made.json()) as { id: string; state: string; result_url: string };
	expect([made.status, job.state]).toEqual([202, "completed"]);
	const head = await fetch(job.result_url, { method: "HEAD" });
	const size = Number(head.headers.get("content-length"));
	expect([head.status, head.headers.get("content-type"), size > 100]).toEqual([200, "video/mp4", true]);
	const whole = await fetch(job.result_url);
	const bytes = await whole.bytes();
	expect([whole.status, whole.headers.get("content-length"), bytes.length]).toEqual([200, String(size), size]);
	expect(whole.headers.get("etag")).toBe(`"${createHash("sha256").update(bytes).digest("hex")}"`);
	const part = await fetch(`${url}/${job.id}/result`, { headers: { ...AUTH, range: "bytes=10-19" } });
	expect([part.status, part.headers.get("content-length"), part.headers.get("content-range")]).toEqual([206, "10", `bytes 10-19/${size}`]);
	expect(await part.bytes()).toEqual(bytes.subarray(10, 20));
	const beyond = await fetch(job.result_url, { headers: { range: `bytes=${size}-` } });
	expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${size}`]);
	const known = await fetch(job.result_url, { headers: { "if-none-match": String(whole.headers.get("etag")) } });
	expect([known.status, await known.text()]).toEqual([304, ""]);
});
