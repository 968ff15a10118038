import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, openAsBlob } from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startSandbox } from "../../src/node/sandbox.ts";
import type { KnobsPatch } from "../../src/sandbox/decart/knobs.ts";
import { filmClip } from "../../src/sandbox/video.ts";
import { API_KEY, type Service } from "../support/launch.ts";
import { scratch, service } from "../support/process.ts";

const MIB = 1_048_576;
const FILE_MIB = 50;
const FILES = 10;
const RSS_MAX_MIB = 200;

async function cloud(knobs: KnobsPatch) {
	const sandbox = await startSandbox({
		port: 0,
		apiKeys: ["k"],
		webhookSecret: null,
		webhookUrl: null,
		decart: { timeFactor: 0.1, knobs },
	});
	onTestFinished(() => sandbox.close());
	return { url: sandbox.url, env: { DECART_BASE_URL: sandbox.url, DECART_API_KEY: "k" } };
}

/** A video of so many bytes: a short film, and then nothing that is shown. */
async function video(file: string, bytes: number): Promise<void> {
	const clip = filmClip({ width: 64, height: 64, frames: 4, fps: 4, seed: "large" });
	const out = createWriteStream(file);
	out.write(clip);
	for (let left = bytes - clip.length; left > 0; left -= MIB) if (!out.write(new Uint8Array(Math.min(left, MIB)))) await once(out, "drain");
	out.end();
	await once(out, "close");
}

interface Job {
	id: string;
	state: string;
	result_url: string;
	error: { code: string; message: string } | null;
}
async function submit({ port }: Service, data: Blob): Promise<Job> {
	const form = new FormData();
	form.set("job", JSON.stringify({ provider: "decart", type: "video_edit", model: "lucy-2.5", input: { prompt: "in snow" } }));
	form.set("data", data, "large.mp4");
	const headers = { authorization: `Bearer ${API_KEY}` };
	const response = await fetch(`http://127.0.0.1:${port}/v1/jobs?wait=60`, { method: "POST", headers, body: form });
	if (response.status !== 202) throw new Error(await response.text());
	return (await response.json()) as Job;
}

it(`${FILES} files of ${FILE_MIB} MB go in and out in at most ${RSS_MAX_MIB} MiB of memory`, { timeout: 120_000 }, async () => {
	const { url, env } = await cloud({ content: { sizeBytes: FILE_MIB * MIB } });
	const folder = scratch();
	const file = path.join(folder, "large.mp4");
	await video(file, FILE_MIB * MIB);
	const started = await service({ ...env, LOG_LEVEL: "info" }, folder);
	const blob = await openAsBlob(file);
	const jobs = await Promise.all(Array.from({ length: FILES }, () => submit(started, blob)));
	expect(jobs.map(({ state, error }) => [state, error])).toEqual(jobs.map(() => ["completed", null]));
	const sizes = await Promise.all(
		jobs.map(async ({ result_url }) => {
			const response = await fetch(result_url);
			const hash = createHash("sha256");
			let size = 0;
			for await (const chunk of response.body!) {
				hash.update(chunk);
				size += chunk.length;
			}
			expect(response.headers.get("etag")).toBe(`"${hash.digest("hex")}"`);
			return size;
		}),
	);
	expect(sizes).toEqual(jobs.map(() => FILE_MIB * MIB));
	const { data } = (await (await fetch(`${url}/_sandbox/decart/calls`)).json()) as {
		data: { call: string; fields: { data: { bytes: number } } }[];
	};
	expect(data.filter(({ call }) => call === "submit").map(({ fields }) => fields.data.bytes)).toEqual(jobs.map(() => FILE_MIB * MIB));
	const peak = Math.round(started.memory("VmHWM"));
	console.info(`peak RSS while ${FILES} files of ${FILE_MIB} MiB passed in and out: ${peak} MiB`);
	expect(peak).toBeLessThan(RSS_MAX_MIB);
});

it.each<[string, NonNullable<KnobsPatch["calls"]>[number], string, RegExp | null]>([
	["cut off", { call: "content", body: "cut" }, "completed", null],
	["silent in the middle", { call: "content", body: "stall" }, "completed", null],
	["reset", { call: "content", reset: true }, "completed", null],
	["without an end", { call: "content", body: "endless" }, "failed", /too_large/],
])("a result that is %s over a real connection ends as it should", { timeout: 60_000 }, async (_, fault, state, message) => {
	const { env } = await cloud({ calls: [fault], content: { sizeBytes: MIB / 2, chunkBytes: 65_536 } });
	const folder = scratch();
	await video(path.join(folder, "small.mp4"), 100_000);
	const started = await service({ ...env, RESULT_MAX_MB: "1", TRANSFER_DEADLINE_S: "2", PROVIDER_DEADLINE_MS: "2000" }, folder);
	const job = await submit(started, await openAsBlob(path.join(folder, "small.mp4")));
	expect([job.state, job.error?.message ?? ""]).toEqual([state, message === null ? "" : expect.stringMatching(message)]);
});
