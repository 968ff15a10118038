import type { Asked, Model } from "../provider.ts";

interface Known {
	type: string;
	/** Frames per second and pixels of what it makes. */
	fps: number;
	size: readonly [width: number, height: number];
	/** Other names that Decart itself resolves; they are sent as they were given. */
	aliases: readonly string[];
}
const known = (type: string, fps: number, size: Known["size"], ...aliases: string[]): Known => ({ type, fps, size, aliases });

/** Decart has no list to ask for. */
const MODELS: Readonly<Record<string, Known>> = {
	"lucy-2.5": known("video_edit", 20, [1280, 720], "lucy-latest"),
	"lucy-2.1": known("video_edit", 20, [1088, 624]),
	"lucy-vton-3.5": known("video_edit", 20, [1280, 720]),
	"lucy-vton-3": known("video_edit", 20, [1088, 624], "lucy-vton-latest"),
	"lucy-vton-2": known("video_edit", 20, [1088, 624], "lucy-2.1-vton-2"),
	"lucy-restyle-2": known("video_restyle", 22, [1280, 704], "lucy-restyle-latest", "lucy-restyle-v2v"),
	"lucy-clip": known("video_clip", 25, [1280, 704], "lucy-clip-latest", "lucy-pro-v2v"),
	"lucy-image-2": known("image_edit", 25, [1280, 704], "lucy-image-latest", "lucy-pro-i2i"),
};

export async function models(): Promise<Asked<Model[]>> {
	const value = Object.entries(MODELS).flatMap(([id, model]) => [id, ...model.aliases].map((name) => modelOf(name, id, model)));
	return { kind: "answered", value };
}

const modelOf = (id: string, canonical: string, { type, fps, size: [width, height] }: Known): Model => ({
	id,
	name: id,
	types: [type],
	ranges: {},
	features: { alias_of: id === canonical ? null : canonical, fps, width, height },
	defaults: {},
	languages: null,
});
