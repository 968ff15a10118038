import type { Problem } from "./errors.ts";
import { type Catalogue, findModel } from "./models.ts";

/** Names to what serves them. Nobody documents what an unknown name gives: null here, and no entry in the map. */
export function resolveModels(body: unknown, catalogue: Catalogue): Problem[] | { model_id: string | null; model_ids: object | null } {
	const { model, models } = (body ?? {}) as { model?: unknown; models?: unknown };
	const wrong = (name: string, type: string, kind: string, input: unknown): Problem[] => [
		{ type, loc: ["body", name], msg: `Input should be a valid ${kind}`, input },
	];
	if ((model ?? null) !== null && typeof model !== "string") return wrong("model", "string_type", "string", model);
	const names: unknown = models ?? null;
	if (names !== null && !isTexts(names)) return wrong("models", "list_type", "list", models);
	const find = (name: string) => findModel(name, catalogue)?.name ?? null;
	const found = names?.map((name) => [name, find(name)] as const).filter(([, id]) => id !== null);
	return { model_id: typeof model === "string" ? find(model) : null, model_ids: found ? Object.fromEntries(found) : null };
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === "string");
