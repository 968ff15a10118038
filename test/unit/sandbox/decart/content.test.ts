import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import type { KnobsPatch } from "../../../../src/sandbox/decart/knobs.ts";
import { models } from "../../../../src/sandbox/decart/models.ts";
import { createWorld, type Parts, video } from "./world.ts";

/** The boxes of an MP4 at its top, by name; throws where sizes do not add up. */
function topBoxes(bytes: Uint8Array): [name: string, size: number][] {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const boxes: [string, number][] = [];
	for (let at = 0; at < bytes.length; ) {
		const size = view.getUint32(at);
		if (size < 8 || at + size > bytes.length) throw new Error(`a box of ${size} bytes at ${at}`);
		boxes.push([String.fromCharCode(...bytes.subarray(at + 4, at + 8)), size]);
		at += size;
	}
	return boxes;
}
/** Width and height as its track says, in pixels; frames a second. */
function lookOf(bytes: Uint8Array): [number, number, number] {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const at = (name: string) => Buffer.from(bytes).indexOf(name) + 4;
	return [view.getUint32(at("tkhd") + 76) / 65_536, view.getUint32(at("tkhd") + 80) / 65_536, view.getUint32(at("mvhd") + 12)];
}

const everything: Parts = {
	prompt: "fox",
	data: video,
	start: video,
	end: video,
	trajectory: '[{"frame":0,"x":1,"y":1},{"frame":1,"x":1,"y":1}]',
};

async function completed(knobs: KnobsPatch = {}, model = "lucy-clip") {
	const world = createWorld({ knobs });
	const id = await world.submitted(model, everything);
	await world.pass(1800);
	return { ...world, id, download: () => world.content(id) };
}
const bytesOf = async (answer: Response) => new Uint8Array(await answer.arrayBuffer());

describe("content", () => {
	it.each(models)("of $name parses, and has its size and pace", async ({ name, kind, width, height, fps }) => {
		const bytes = await bytesOf(await (await completed({}, name)).download());
		if (kind === "image") {
			expect(bytes.subarray(0, 8)).toEqual(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a));
			expect(decode(bytes)).toMatchObject({ width, height });
			return;
		}
		expect(topBoxes(bytes).map(([box]) => box)).toEqual(["ftyp", "moov", "mdat"]);
		expect(lookOf(bytes)).toEqual([width, height, fps]);
		expect(bytes.length).toBeLessThan(20_000);
	});

	it("may stand upright, and be smaller", async () => {
		const { submitted, content, pass } = createWorld();
		const id = await submitted("lucy-pro-t2v", { prompt: "fox", orientation: "portrait", resolution: "480p" });
		await pass(1800);
		expect(lookOf(await bytesOf(await content(id)))).toEqual([480, 872, 25]);
	});

	it("is padded to a size: a film with a box that says so, a picture behind its end", async () => {
		const film = await (await completed({ content: { sizeBytes: 1_000_000 } })).download();
		expect(film.headers.get("content-length")).toBe("1000000");
		const boxes = topBoxes(await bytesOf(film));
		expect(boxes.map(([box]) => box)).toEqual(["ftyp", "moov", "mdat", "free"]);
		expect(boxes.reduce((sum, [, size]) => sum + size, 0)).toBe(1_000_000);
		const picture = await bytesOf(await (await completed({ content: { sizeBytes: 300_000 } }, "lucy-image-2")).download());
		expect(picture).toHaveLength(300_000);
		expect(decode(picture)).toMatchObject({ width: 1280, height: 704 });
	});

	it("of many gigabytes is never all in memory", async () => {
		const answer = await (await completed({ content: { sizeBytes: 2 ** 36 } })).download();
		expect(answer.headers.get("content-length")).toBe(String(2 ** 36));
		const reader = answer.body!.getReader();
		for (let i = 0; i < 3; i++) expect((await reader.read()).value).toHaveLength(65_536);
		await reader.cancel();
	});

	it("that is slow comes in pieces, with time between them", async () => {
		const { download, pass, timersSet } = await completed({ content: { sizeBytes: 6000, chunkBytes: 2000, slowMs: 100 } });
		const reader = (await download()).body!.getReader();
		const read = async () => (await reader.read()).value?.length;
		expect(await read()).toBe(2000);
		for (let i = 0; i < 2; i++) {
			const next = read();
			await timersSet(1);
			await pass(99);
			expect(await Promise.race([next, "nothing yet"])).toBe("nothing yet");
			await pass(1);
			expect(await next).toBe(2000);
		}
	});

	it("that is cut breaks off in the middle", async () => {
		const { download, pass, calls, timersSet } = await completed({
			content: { sizeBytes: 5000 },
			calls: [{ call: "content", body: "cut" }],
		});
		const answer = await download();
		expect(answer.headers.get("content-length")).toBe("5000");
		const reader = answer.body!.getReader();
		expect((await reader.read()).value).toHaveLength(2500);
		const broken = expect(reader.read()).rejects.toThrow("cut by the sandbox");
		await timersSet(1);
		await pass(10);
		await broken;
		expect(await bytesOf(await download())).toHaveLength(5000);
		expect((await calls()).at(-2)).toMatchObject({ call: "content", status: 200, fault: "cut" });
	});

	it("that stalls says no more, and ends with the sandbox", async () => {
		const { download, pass, sandbox, timersSet } = await completed({ calls: [{ call: "content", body: "stall" }] });
		const reader = (await download()).body!.getReader();
		expect((await reader.read()).value?.length).toBeGreaterThan(100);
		const next = reader.read();
		await timersSet(1);
		await pass(1e9);
		expect(await Promise.race([next, "nothing yet"])).toBe("nothing yet");
		sandbox.close();
		await expect(next).rejects.toThrow("cut by the sandbox");
	});

	it("without an end goes on until the sandbox is closed", async () => {
		const { download, pass, sandbox, timersSet } = await completed({ calls: [{ call: "content", body: "endless" }] });
		const answer = await download();
		expect(answer.headers.get("content-length")).toBe(null);
		const reader = answer.body!.getReader();
		await reader.read(); // the film itself
		for (let i = 0; i < 10; i++) {
			const next = reader.read();
			await timersSet(1);
			await pass(10);
			expect((await next).value).toHaveLength(65_536);
		}
		sandbox.close();
		await expect(reader.read()).rejects.toThrow("cut by the sandbox");
	});

	it("may be longer than it says", async () => {
		const { download } = await completed({ content: { sizeBytes: 6000 }, calls: [{ call: "content", body: "longer" }] });
		const answer = await download();
		expect(answer.headers.get("content-length")).toBe("3000");
		expect(await bytesOf(answer)).toHaveLength(6000);
	});
});
