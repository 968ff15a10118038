import type { Fields } from "../form.ts";
import type { FieldErrors } from "./errors.ts";
import { findModel, optional, readTable, type Table, type Values, webhookUrl } from "./fields.ts";
import type { InferenceType } from "./model.ts";
import { createRules } from "./rules.ts";

/** What a job leaves behind when it is done. */
export interface Result {
	/** Of the file behind result_url, without the dot. */
	extension: string;
	contentType: string;
	/** Made at every download: fifty thousand jobs are remembered, their files are not. */
	file(jobId: string): Uint8Array<ArrayBuffer>;
	/** What `result` of the status says; null for a job whose result is the file alone. */
	inline: (() => string) | null;
}

/** A request that deAPI would take. */
export interface Work {
	/** As webhooks tell it. */
	jobType: InferenceType;
	webhookUrl: string | null;
	/** USD. */
	cost: number;
	result: Result;
}

export type Verdict<T> = { ok: true; value: T } | { ok: false; errors: FieldErrors };

export interface JobType {
	accept(fields: Fields, strict: boolean): Verdict<Work>;
	/** USD. */
	quote(fields: Fields, strict: boolean): Verdict<number>;
}

/** One kind of job as a table. */
export interface Spec<F extends Table, P extends Table> {
	/** What a model must do; it may depend on what is sent. */
	type: InferenceType | ((fields: Fields) => InferenceType);
	/** Without webhook_url, which every kind has. */
	fields: F;
	/** Of the price route. */
	priceFields: P;
	/** USD, above 0. */
	cost(values: Values<F> | Values<P>): number;
	result(values: Values<F>): Result;
}

export function jobType<F extends Table, P extends Table>(spec: Spec<F, P>): JobType {
	const typeOf = (fields: Fields): InferenceType => (typeof spec.type === "string" ? spec.type : spec.type(fields));

	function read<T extends Table>(table: T, fields: Fields, options: { strict: boolean; limited: boolean }): Verdict<Values<T>> {
		const type = typeOf(fields);
		const rules = createRules(fields);
		const value = readTable(table, { fields, rules, type, model: findModel(fields["model"], type), ...options });
		return Object.keys(rules.errors).length > 0 ? { ok: false, errors: rules.errors } : { ok: true, value };
	}

	return {
		accept(fields, strict) {
			const verdict = read({ ...spec.fields, webhook_url: optional(webhookUrl) }, fields, { strict, limited: true });
			if (!verdict.ok) return verdict;
			const { value } = verdict;
			const result = spec.result(value);
			return { ok: true, value: { jobType: typeOf(fields), webhookUrl: value.webhook_url, cost: inMicros(spec.cost(value)), result } };
		},
		quote(fields, strict) {
			const verdict = read(spec.priceFields, fields, { strict, limited: false });
			return verdict.ok ? { ok: true, value: inMicros(spec.cost(verdict.value)) } : verdict;
		},
	};
}

/** Micro-dollars are enough; nothing is free. */
const inMicros = (usd: number): number => Math.max(1, Math.round(usd * 1e6)) / 1e6;

/** What decides over a made-up result: -1 is a new one for every job. */
export const seedText = (seed: number, prompt: string, jobId: string): string => (seed === -1 ? jobId : `${seed}:${prompt}`);
