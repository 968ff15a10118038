import type { FileField } from "./form.ts";

/** What a model is sent, beyond what every one takes: seed, enhance_prompt, resolution. */
export interface Input {
	prompt: "required" | "optional" | "none";
	files: readonly FileField[];
	optionalFiles: readonly FileField[];
	/** The first one is the default. */
	resolutions: readonly [string, ...string[]];
	/** On its side or upright, for models that start from nothing. */
	orientation?: true;
	/** `[{frame,x,y}]` as JSON. */
	trajectory?: true;
	selfAnchor?: true;
}

export interface Model {
	name: string;
	kind: "video" | "image";
	/** Pixels at 720p. */
	width: number;
	height: number;
	fps: number;
	input: Input;
	/** No longer served by the real one; npm 0.0.24 to 0.0.46 still send it. */
	retired: boolean;
}

const hd = ["720p"] as const;
const both = ["720p", "480p"] as const;
const clip: Input = { prompt: "required", files: ["data"], optionalFiles: ["reference_image"], resolutions: hd };
const edit: Input = { ...clip, prompt: "optional" };
const image: Input = { ...clip, resolutions: both };
const fromText: Input = { prompt: "required", files: [], optionalFiles: [], resolutions: both, orientation: true };
const fromImage: Input = { prompt: "required", files: ["data"], optionalFiles: [], resolutions: both };

const served = (name: string, input: Input, more: Partial<Model> = {}): Model => {
	return { name, kind: "video", width: 1280, height: 704, fps: 25, input, retired: false, ...more };
};
const retired = (name: string, input: Input, more: Partial<Model> = {}): Model => served(name, input, { ...more, retired: true });
const small = { width: 1088, height: 624, fps: 20 };
const large = { width: 1280, height: 720, fps: 20 };

export const models: readonly Model[] = [
	served("lucy-2.1", edit, small),
	served("lucy-2.5", { ...edit, selfAnchor: true }, large),
	served("lucy-vton-2", edit, small),
	served("lucy-vton-3", edit, small),
	served("lucy-vton-3.5", edit, large),
	served("lucy-restyle-2", edit, { fps: 22 }), // its "prompt or reference, not both" is a rule of the SDKs alone
	served("lucy-robot-720p", edit, large),
	served("lucy-clip", clip),
	served("lucy-image-2", image, { kind: "image" }),
	retired("lucy-pro-t2v", fromText),
	retired("lucy-pro-t2i", fromText, { kind: "image" }),
	retired("lucy-pro-i2v", fromImage),
	retired("lucy-dev-i2v", { ...fromImage, resolutions: hd }),
	retired("lucy-fast-v2v", clip, { height: 720 }),
	retired("lucy-dev-v2v", clip),
	retired("lucy-pro-flf2v", { ...fromImage, files: ["start", "end"] }),
	retired("lucy-motion", { ...fromImage, prompt: "none", resolutions: hd, trajectory: true }),
];

/** Rolling, deprecated, and what else the server has routes for. */
const aliases: Readonly<Record<string, readonly string[]>> = {
	"lucy-2.5": ["lucy-latest", "lucy-2-5", "lucy_2_5"],
	"lucy-2.1": ["lucy-2", "lucy_2", "lucy_2_rt", "lucy_2_rt_preview", "lucy-2-v2v", "lucy_2_v2v", "lucy_v2v_14b_rt"],
	"lucy-vton-2": ["lucy-2.1-vton-2"],
	"lucy-vton-3": ["lucy-vton-latest", "lucy-2.1-vton-3"],
	"lucy-vton-3.5": ["lucy-vton-3-5", "lucy-vton-3.5-4-3", "lucy-vton-3.5-1-1"],
	"lucy-restyle-2": ["lucy-restyle-latest", "lucy-restyle-v2v", "mirage_v2"],
	"lucy-clip": ["lucy-clip-latest", "lucy-pro-v2v"],
	"lucy-image-2": ["lucy-image-latest", "lucy-pro-i2i", "lucy_pro_i2i"],
};
/** Aliases of which the changelog says that they are gone. */
const goneAliases = ["lucy-vton", "lucy-2.1-vton", "lucy-2.viton", "lucy-2.1.viton"];

const canonical = new Map([
	...models.map(({ name }) => [name, name] as const),
	...Object.entries(aliases).flatMap(([name, others]) => others.map((other) => [other, name] as const)),
	...goneAliases.map((name) => [name, "lucy-vton-2"] as const),
]);

export interface Catalogue {
	/** Also retired ones. */
	legacy: boolean;
	/** Moves an alias: `{"lucy-vton-latest": "lucy-vton-3.5"}`. */
	aliases: Readonly<Record<string, string>>;
}

export function findModel(name: string, { legacy, aliases: moved }: Catalogue): Model | null {
	const target = Object.hasOwn(moved, name) ? (moved[name] ?? "") : name;
	const found = models.find((model) => model.name === canonical.get(target)) ?? null;
	const isGone = found?.retired === true || goneAliases.includes(target);
	return isGone && !legacy ? null : found;
}
