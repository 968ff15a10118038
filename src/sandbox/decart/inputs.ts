import { invalid, type Problem, refusal } from "./errors.ts";
import { createFields } from "./fields.ts";
import type { FileField, Form, Upload } from "./form.ts";
import type { Model } from "./models.ts";

/** All that is kept of a request that Decart would take. */
export interface Work {
	kind: Model["kind"];
	width: number;
	height: number;
	fps: number;
	prompt: string;
	/** Decides over the made-up result; null = a new one for every job. */
	seed: string | null;
}

export interface InputOptions {
	/** Characters. */
	promptMax: number;
	/** An upload of the same account, by its id. */
	fileOf(id: string): Upload | null;
}

/** Fields nobody knows are ignored. */
export function readInputs({ kind, input, ...size }: Model, form: Form, { promptMax, fileOf }: InputOptions): Work | Response {
	const fields = createFields(form);
	const uploads: string[] = [];
	let lost: Response | null = null;

	/** `<name>_ref` may stand in for a file, and names one of the Files API. */
	function file(name: FileField, required: boolean): void {
		const id = form.has(name) ? null : fields.text(`${name}_ref`);
		const upload = id === null ? fields.file(name, required) : fileOf(id);
		if (upload !== null) uploads.push(upload.sha256);
		else if (id !== null) lost = refusal(404, "File not found");
	}

	const prompt = input.prompt === "none" ? "" : (fields.text("prompt", input.prompt === "required") ?? "");
	for (const name of input.files) file(name, true);
	for (const name of input.optionalFiles) file(name, false);
	const seed = fields.integer("seed", 0, 4_294_967_295);
	const resolution = fields.choice("resolution", input.resolutions);
	const upright = input.orientation ? fields.choice("orientation", ["landscape", "portrait"]) === "portrait" : false;
	fields.boolean("enhance_prompt");
	if (input.selfAnchor) fields.boolean("self_anchor");
	if (input.trajectory) fields.problems.push(...trajectoryProblems(fields.json("trajectory")));

	if (fields.problems.length > 0) return invalid(fields.problems);
	if (lost !== null) return lost;
	const length = Array.from(prompt).length; // as Python counts
	if (length > promptMax) return refusal(422, `Prompt is too long: ${length} > ${promptMax}`);
	const decides = seed === null ? null : JSON.stringify([seed, prompt, uploads]);
	return { kind, ...sizeOf(size, resolution, upright), fps: size.fps, prompt, seed: decides };
}

/** Decart tells the size at 720p alone; 480p keeps its shape. */
function sizeOf(
	{ width, height }: { width: number; height: number },
	resolution: string,
	upright: boolean,
): Pick<Work, "width" | "height"> {
	const across = resolution === "480p" ? Math.round((width * 480) / height / 2) * 2 : width;
	const down = resolution === "480p" ? 480 : height;
	return upright ? { width: down, height: across } : { width: across, height: down };
}

/** Null was told of already. */
function trajectoryProblems(value: unknown): Problem[] {
	if (value === null) return [];
	const problem = (type: string, msg: string, ...at: (string | number)[]): Problem => {
		return { type, loc: ["body", "trajectory", ...at], msg, input: at.length === 0 ? value : null };
	};
	if (!Array.isArray(value)) return [problem("list_type", "Input should be a valid list")];
	if (value.length < 2) return [problem("too_short", `List should have at least 2 items after validation, not ${value.length}`)];
	if (value.length > 1000) return [problem("too_long", `List should have at most 1000 items after validation, not ${value.length}`)];
	return value.flatMap((point: unknown, i) => {
		const names = ["frame", "x", "y"].filter((name) => typeof (point as Record<string, unknown> | null)?.[name] !== "number");
		return names.map((name) => problem("float_type", "Input should be a valid number", i, name));
	});
}
