import { randomBytes } from "node:crypto";

/** What the run has written or said, to be searched. */
export interface Haystack {
	where: Place;
	/** A file, a route, a command. */
	what: string;
	bytes: Buffer;
}
export type Place = "log" | "answer" | "stdout" | "stderr" | "database" | "blobs";

export interface Secret {
	name: string;
	value: string | Buffer;
	/** Where it may stand, for the reason that the test names. */
	mayStandIn: readonly Place[];
}

export interface Leak {
	secret: string;
	form: string;
	where: Place;
	what: string;
	offset: number;
	/** What is around it; the secret itself is masked. */
	context: string;
}

const PART = 12;
const AROUND = 40;
const SHOWN = 20;

/** All secrets of a run by name, and whether each was really used: one that nobody used leaks nowhere. */
export class Vault {
	readonly secrets: Secret[] = [];
	readonly #used = new Set<string>();

	/** Returns the value. One that is known keeps its first name. */
	add<V extends string | Buffer>(name: string, value: V, mayStandIn: readonly Place[] = []): V {
		if (!this.secrets.some((one) => String(one.value) === String(value))) this.secrets.push({ name, value, mayStandIn });
		return value;
	}

	/** A value that nobody has by chance, with signs that JSON, URLs and HTML spell in their own ways. */
	make(name: string, shape: (random: string) => string = (random) => random, mayStandIn: readonly Place[] = []): string {
		return this.add(name, shape(`${random()}+/${random()}`), mayStandIn);
	}

	use(name: string): void {
		if (!this.secrets.some((one) => one.name === name)) throw new Error(`no secret is named ${name}`);
		this.#used.add(name);
	}

	nameOf(value: string | Buffer): string {
		const found = this.secrets.find((one) => String(one.value) === String(value));
		if (found === undefined) throw new Error("this is no secret of the run");
		return found.name;
	}

	/** For the names of things that carry one. */
	mask(text: string): string {
		return this.secrets.reduce((left, { name, value }) => {
			const forms = [String(value), encodeURIComponent(String(value))];
			return forms.reduce((masked, form) => masked.replaceAll(form, `<${name}>`), left);
		}, text);
	}

	unused(): string[] {
		return this.secrets.map(({ name }) => name).filter((name) => !this.#used.has(name));
	}

	/** Every place that holds a secret it must not hold, with the first form that was found there. */
	leaksIn(haystacks: readonly Haystack[]): Leak[] {
		const needles = this.secrets.map((secret) => {
			const [forms, core] = [[...formsOf(secret.value)], coreOf(secret.value)];
			return { secret, core, coreless: forms.filter(([, needle]) => !needle.includes(core)), forms };
		});
		return haystacks.flatMap(({ where, what, bytes }) =>
			needles.flatMap(({ secret: { name, mayStandIn }, core, coreless, forms }) => {
				if (mayStandIn.includes(where)) return [];
				const found = (bytes.includes(core) ? forms : coreless).find(([, needle]) => bytes.includes(needle));
				if (found === undefined) return [];
				const [form, needle] = found;
				const offset = bytes.indexOf(needle);
				return [{ secret: name, form, where, what, offset, context: around(bytes, offset, needle.length, name, form) }];
			}),
		);
	}
}

/** In a line each; of many the first. */
export function inLines(leaks: readonly Leak[]): string[] {
	const lines = leaks.map(
		({ secret, form, where, what, offset, context }) => `${secret}, as ${form}, in ${where}: ${what}, byte ${offset}: ${context}`,
	);
	return lines.length > SHOWN ? [...lines.slice(0, SHOWN), `and ${lines.length - SHOWN} more`] : lines;
}

/** 16 letters and digits. */
export const random = (): string => randomBytes(24).toString("base64").replaceAll(/[+/]/g, "").slice(0, 16);

/** A secret as it may be spelled: with its beginning and its end, for a text may be cut off in the middle of it. */
export function formsOf(value: string | Buffer): Map<string, Buffer> {
	const bytes = Buffer.from(value);
	const forms = new Map<string, string | Buffer>([["raw bytes", bytes]]);
	for (const shift of [0, 1, 2]) {
		const inside = base64At(bytes, shift);
		forms.set(`base64, shifted by ${shift}`, inside);
		forms.set(`base64url, shifted by ${shift}`, inside.replaceAll("+", "-").replaceAll("/", "_"));
	}
	forms.set("hex", bytes.toString("hex")).set("HEX", bytes.toString("hex").toUpperCase());
	if (typeof value === "string") {
		const json = JSON.stringify(value).slice(1, -1);
		forms.set("JSON", json).set("JSON in JSON", JSON.stringify(json).slice(1, -1)).set("JSON of PHP", json.replaceAll("/", "\\/"));
		forms.set("URL", encodeURIComponent(value));
		forms.set("HTML", value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"));
		if (value.length >= 2 * PART) forms.set("its beginning", value.slice(0, PART)).set("its end", value.slice(-PART));
	}
	const names = new Map([...forms].toReversed().map(([form, text]) => [Buffer.from(text).toString("latin1"), form])); // of equal ones the first
	return new Map([...names].toReversed().map(([text, form]) => [form, Buffer.from(text, "latin1")]));
}

/** What all spellings but base64 and hex have in common: where it is not, they need not be looked for. */
function coreOf(value: string | Buffer): Buffer {
	const runs = typeof value === "string" ? value.split(/[^A-Za-z0-9]+/) : [];
	const longest = runs.reduce((one, other) => (other.length > one.length ? other : one), "");
	return longest.length < 4 ? Buffer.from(value) : Buffer.from(longest);
}

/** The signs of a longer base64 text that are the value's alone, where it begins so many bytes behind a multiple of three. */
function base64At(bytes: Buffer, shift: number): string {
	const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
	return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

/** Of a secret that only began or ended here the rest may stand beside it. */
function around(bytes: Buffer, offset: number, length: number, name: string, form: string): string {
	const text = (from: number, to: number) =>
		bytes
			.subarray(Math.max(0, from), to)
			.toString("latin1")
			.replaceAll(/[^\x20-\x7e]/g, "·");
	const [before, after] = [text(offset - AROUND, offset), text(offset + length, offset + length + AROUND)];
	return `${form === "its end" ? "" : before}<${name}>${form === "its beginning" ? "" : after}`;
}
