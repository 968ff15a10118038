import { createHash } from "node:crypto";
import type { KnobsPatch } from "../../../src/sandbox/decart/knobs.ts";
import { filmClip } from "../../../src/sandbox/video.ts";
import { DECART, RECEIVER, type World } from "../../support/world.ts";

export const CLIP = filmClip({ width: 64, height: 64, frames: 4, fps: 4, seed: "a clip" });

/** A small real PNG: one grey pixel. */
export const PICTURE = new Uint8Array(
	Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==", "base64"),
);

export const EDIT = { provider: "decart", type: "video_edit", model: "lucy-2.5", webhook_url: RECEIVER };

export async function upload(world: World, bytes: Uint8Array<ArrayBuffer> = CLIP, name = "clip.mp4"): Promise<string> {
	const form = new FormData();
	form.set("file", new Blob([bytes]), name);
	const response = await world.request("/v1/files", { method: "POST", body: form });
	if (response.status !== 201) throw new Error(`not taken: ${await response.text()}`);
	return ((await response.json()) as { id: string }).id;
}

/** A job on an uploaded clip; returns its id. */
export async function edited(world: World, over: Record<string, unknown> = {}, input: Record<string, unknown> = {}): Promise<string> {
	const data = input["data"] ?? (await upload(world));
	const response = await world.submit({ ...EDIT, ...over, input: { prompt: "in snow", ...input, data } });
	if (response.status !== 202) throw new Error(`not accepted: ${await response.text()}`);
	return ((await response.json()) as { id: string }).id;
}

export async function decartKnobs(world: World, patch: KnobsPatch): Promise<void> {
	const response = await world.decart.app.request(`${DECART}/_sandbox/decart/knobs`, { method: "PATCH", body: JSON.stringify(patch) });
	if (response.status !== 200) throw new Error(await response.text());
}

export interface DecartCall {
	at: string;
	call: string;
	path: string;
	status: number | null;
	[field: string]: unknown;
}
export async function decartCalls(world: World, call: string): Promise<DecartCall[]> {
	const response = await world.decart.app.request(`${DECART}/_sandbox/decart/calls`);
	const { data } = (await response.json()) as { data: DecartCall[] };
	return data.filter((entry) => entry.call === call);
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
