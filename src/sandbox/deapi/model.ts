/** One entry of GET models; the names are deAPI's own. */
export interface Model {
	name: string;
	slug: string;
	/** In their live spelling. */
	inference_types: string[];
	info: {
		limits: Limits;
		features: Record<string, boolean>;
		defaults: Partial<Record<Ranged, number>> & { lang?: string; voice?: string; format?: string };
	};
	loras: null;
	languages: Language[] | null;
}

export interface Language {
	name: string;
	slug: string;
	voices: { name: string; slug: string; gender: "female" | "male" | null }[];
}

/** What a model may hold between `min_…` and `max_…`. */
export type Ranged = "width" | "height" | "steps" | "guidance" | "frames" | "fps" | "duration" | "bpm" | "text" | "speed";
export type Limits = Partial<Record<`${"min" | "max"}_${Ranged}` | "resolution_step" | "max_input_tokens" | "max_total_tokens", number>>;

/** What runs here, as webhooks and filters spell it, and as "does not support …" says it; only that of txt2img was seen live. */
export const titles = {
	txt2img: "Text To Image",
	txt2video: "Text To Video",
	txt2audio: "Text To Audio",
	txt2music: "Text To Music",
	txt2embedding: "Text To Embedding",
	video2text: "Video To Text",
	audio2text: "Audio To Text",
	video_file2text: "Video File To Text",
	audio_file2text: "Audio File To Text",
} as const;
export type InferenceType = keyof typeof titles;
