import { z } from "@hono/zod-openapi";
import type { FileField, JobType } from "../provider.ts";

/** Decart's own SDK asks after 0.5 s, then each 1.5 s; we ask less and less often. */
const steps = { firstMs: 500, floorMs: 1500, maxMs: 6000 };
const ladder = { hooked: steps, unhooked: steps };

const FILE_WORDS = "must be the id of a file (POST /v1/files), an http(s) URL, or a part of this name in a multipart request";
const file = (media: FileField["media"]) =>
	z
		.string(FILE_WORDS)
		.min(1, FILE_WORDS)
		.max(2048)
		.openapi({
			description: `${media === "video" ? "A" : "An"} ${media}: the id of an uploaded file, an http(s) URL that is downloaded, or a part of this name in a multipart request`,
			example: "file_019365f0a1b27c3d8e4f5061728394a5",
		});
/** Decart itself judges lengths model by model. */
const prompt = z.string().max(10_000);
const common = {
	data: file("video"),
	seed: z.int().min(0).max(4_294_967_295).optional(),
	resolution: z.enum(["720p"]).optional(),
	enhance_prompt: z.boolean().optional(),
};
const reference = { reference_image: file("image").optional() };
const DATA: FileField = { field: "data", media: "video" };
const REFERENCE: FileField = { field: "reference_image", media: "image" };
const bytes = { ladder, result: { kind: "bytes" as const } };

const edit = z.strictObject({ prompt: prompt.optional(), ...common, ...reference, self_anchor: z.boolean().optional() });
const clip = z.strictObject({ prompt: prompt.min(1), ...common, ...reference });
const restyle = z
	.strictObject({ prompt: prompt.min(1).optional(), ...common, ...reference })
	.refine((input) => (input.prompt === undefined) !== (input.reference_image === undefined), {
		path: ["prompt"],
		error: "give either a prompt or a reference_image, not both",
	})
	.refine((input) => input.enhance_prompt === undefined || input.prompt !== undefined, {
		path: ["enhance_prompt"],
		error: "needs a prompt",
	});
const image = z.strictObject({
	prompt: prompt.min(1).max(1000),
	...common,
	...reference,
	data: file("image"),
	resolution: z.enum(["720p", "480p"]).optional(),
});

/** One for each kind of input that Decart's models take. */
export const TYPES: Readonly<Record<string, JobType>> = {
	video_edit: { ...bytes, input: edit.openapi("VideoEditInput"), files: [DATA, REFERENCE] },
	video_clip: { ...bytes, input: clip.openapi("VideoClipInput"), files: [DATA, REFERENCE] },
	video_restyle: { ...bytes, input: restyle.openapi("VideoRestyleInput"), files: [DATA, REFERENCE] },
	image_edit: { ...bytes, input: image.openapi("ImageEditInput"), files: [{ field: "data", media: "image" }, REFERENCE] },
};
