import { filmClip } from "../sandbox/video.ts";
import type { Client, Job } from "./client.ts";

/** What is submitted to one provider, and what comes of it. */
export interface Plot {
	submit(client: Client, callback: { webhook_url: string; webhook_secret: string }): Promise<Job>;
	/** Whether the provider posts webhooks; else every piece of news is an answer to a poll. */
	hooked: boolean;
	artifact: string;
	/** What the artifact's first bytes say, from `at`. */
	magic: { at: number; text: string };
}

const metadata = { order: 42 };

export const PLOTS: Readonly<Record<string, Plot>> = {
	deapi: {
		submit(client, callback) {
			const input = { prompt: "a lighthouse at dusk, oil on canvas", width: 512, height: 512, steps: 4, seed: 7 };
			return client.post("/v1/jobs", { provider: "deapi", type: "txt2img", model: "Flux1schnell", input, metadata, ...callback }, 202);
		},
		hooked: true,
		artifact: "demo.png",
		magic: { at: 1, text: "PNG" },
	},
	/** One request carries the job and its video. */
	decart: {
		submit(client, callback) {
			const input = { prompt: "the same street, in snow", seed: 7 };
			const job = { provider: "decart", type: "video_edit", model: "lucy-2.5", input, metadata, ...callback };
			const clip = filmClip({ width: 320, height: 180, frames: 20, fps: 20, seed: "a street" });
			const form = new FormData();
			form.set("job", JSON.stringify(job));
			form.set("data", new Blob([clip], { type: "video/mp4" }), "street.mp4");
			return client.postForm("/v1/jobs", form, 202);
		},
		hooked: false,
		artifact: "demo.mp4",
		magic: { at: 4, text: "ftyp" },
	},
};
