import { utf8 } from "../../bytes.ts";
import { randomFrom } from "../../random.ts";
import { always, boolean, model, optional, type Reader } from "../fields.ts";
import { jobType } from "../job-type.ts";

interface Input {
	texts: string[];
	/** A list was sent, so a list comes back. */
	many: boolean;
}

const maxItems = 2048;
const dimensions = 1024;

const input: Reader<Input> = (name, { rules, model: chosen, limited }, required) => {
	const given = rules.given(name);
	const many = Array.isArray(given);
	const items: unknown[] = many ? given : given === null ? [] : [given];
	if (items.length === 0) return required ? rules.refuse(name, "is required.") : null;
	if (items.length > maxItems) return rules.refuse(name, `must not have more than ${maxItems} items.`);
	const { max_input_tokens: most = Number.POSITIVE_INFINITY, max_total_tokens: mostInAll = Number.POSITIVE_INFINITY } =
		(limited ? chosen?.info.limits : undefined) ?? {};
	const texts: string[] = [];
	for (const [i, item] of items.entries()) {
		const at = many ? `${name}.${i}` : name;
		if (typeof item !== "string" || item === "") rules.refuse(at, "must be a string.");
		else if (tokens(item) > most) rules.refuse(at, `must not be greater than ${most} tokens.`);
		else texts.push(item);
	}
	if (texts.length < items.length) return null;
	const inAll = texts.reduce((sum, text) => sum + tokens(text), 0);
	return inAll > mostInAll ? rules.refuse(name, `must not be greater than ${mostInAll} tokens in all.`) : { texts, many };
};

/** A rule of thumb; no tokenizer is worth shipping for it. */
const tokens = (text: string): number => Math.ceil(text.length / 4);

const priced = { input: always(input), model: always(model) };

const fields = { ...priced, return_result_in_response: optional(boolean) };

export const txt2embedding = jobType({
	type: "txt2embedding",
	fields,
	priceFields: priced,
	/** 0.000076 for a thousand tokens. */
	cost: ({ input: { texts } }) => 0.000076e-3 * texts.reduce((sum, text) => sum + tokens(text), 0),
	result({ input: { texts, many }, return_result_in_response: inline }) {
		// How deAPI lays vectors out is not known: one for a text, a list of them for a list.
		const json = () => JSON.stringify(many ? texts.map(embed) : embed(texts[0] ?? ""));
		return {
			extension: "json",
			contentType: "application/json",
			file: () => utf8(json()),
			inline: inline === true ? json : null,
		};
	},
});

/** The same text always has the same vector, of length 1; near texts are not near, because nothing was understood. */
export function embed(text: string): number[] {
	const random = randomFrom(text);
	const raw = Array.from({ length: dimensions }, () => random() - 0.5);
	const length = Math.hypot(...raw);
	return raw.map((value) => Math.round((value / length) * 1e7) / 1e7);
}
