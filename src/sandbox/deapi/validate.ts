import type { Fields } from "../form.ts";
import type { FieldErrors } from "./errors.ts";
import { catalogue, type Model } from "./models.ts";
import { createRules } from "./rules.ts";

/** A txt2img request that deAPI would take. */
export interface Txt2Img {
	prompt: string;
	negativePrompt: string | null;
	model: Model;
	width: number;
	height: number;
	steps: number;
	/** -1 = random. */
	seed: number;
	webhookUrl: string | null;
}

export type Verdict = { ok: true; input: Txt2Img } | { ok: false; errors: FieldErrors };

/**
 * The texts are Laravel's, those of `model` and `at least` as seen live. Strict asks for everything the documentation requires;
 * otherwise what some official client leaves out (`guidance`, `steps`) comes from the model.
 */
export function validateTxt2Img(fields: Fields, strict: boolean): Verdict {
	const rules = createRules(fields);
	const prompt = rules.text("prompt", true);
	const negativePrompt = rules.text("negative_prompt", false);
	const model = pickModel(rules.text("model", true), rules.fail);
	const limits = model?.info.limits ?? {};
	// Whether the live service refuses sizes off the model's grid is not known, so only strict does.
	const multipleOf = strict ? limits.resolution_step : undefined;
	checkLoras(fields["loras"], rules.fail);
	const width = rules.integer("width", { required: true, min: limits.min_width ?? 1, max: limits.max_width, multipleOf });
	const height = rules.integer("height", { required: true, min: limits.min_height ?? 1, max: limits.max_height, multipleOf });
	rules.number("guidance", { required: strict, min: 0, max: limits.max_guidance }); // none of these models uses it
	const steps = rules.integer("steps", { required: strict, min: limits.min_steps ?? 1, max: limits.max_steps });
	const seed = rules.integer("seed", { required: true });
	const webhookUrl = checkWebhookUrl(rules.text("webhook_url", false, 2048), rules.fail);
	if (Object.keys(rules.errors).length > 0 || prompt === null || model === null || width === null || height === null || seed === null)
		return { ok: false, errors: rules.errors };
	const input = { prompt, negativePrompt, model, width, height, steps: steps ?? model.info.defaults.steps ?? 1, seed, webhookUrl };
	return { ok: true, input };
}

type Fail = (field: string, text: string) => null;

function pickModel(slug: string | null, fail: Fail): Model | null {
	if (slug === null) return null;
	const model = catalogue.find((candidate) => candidate.slug === slug);
	if (model === undefined) return fail("model", "The selected model does not exist.");
	return model.inference_types.includes("txt2img") ? model : fail("model", "The selected model does not support Text To Image.");
}

/** Names are not looked up: no model here brings adapters, and a picture of bands would not change. */
function checkLoras(loras: unknown, fail: Fail): void {
	if (loras === undefined || loras === null) return;
	if (!Array.isArray(loras)) return void fail("loras", "The loras field must be an array.");
	loras.forEach((lora: unknown, i) => {
		const item = createRules(typeof lora === "object" && lora !== null ? { ...lora } : {}, `loras.${i}.`);
		item.text("name", true);
		item.number("weight", { required: true, min: 0 });
		for (const [field, texts] of Object.entries(item.errors)) for (const text of texts) fail(field, text);
	});
}

/** https only, as deAPI; plain http is let through to this machine alone, or an emulator here could not call a laptop. */
function checkWebhookUrl(text: string | null, fail: Fail): string | null {
	if (text === null) return null;
	const url = URL.canParse(text) ? new URL(text) : null;
	if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))) return text;
	return fail("webhook_url", "The webhook url field must be a valid URL.");
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
