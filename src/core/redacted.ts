import { Words } from "./words.ts";

/** Fields that must never be read in a log, wherever a line carries them. Requests are logged by route, without their URL. */
export const REDACTED: readonly string[] = ["secret", "webhook_secret", "apiKey", "api_key", "authorization", "token", "key"];

const INSTEAD = "[redacted]";
/** What is shorter stands in many texts by chance, and to look for it would tell more than it hides. */
const SHORTEST = 8;
/** So many characters at the end of a cut text are enough to be taken for the beginning of a secret. */
const SHORTEST_CUT = 4;
/** Characters that a secret fits into however it is spelled: a header field may have 4096. */
const LONGEST_SPELLED = 32_768;
/** So many words are looked for one by one, by so many characters of each, before a text is read sign by sign. */
const FEW = 16;
const CORE = 64;

/**
 * A text that somebody wrote who was told these secrets, with `[redacted]` for each of them of 8 characters or more, and for each
 * such word in them (`Bearer …`, `v1,…`), however JSON, URLs and HTML have spelled it. `cut`: the text may end in the middle of one.
 */
export function withoutSecrets(text: string, secrets: readonly string[], { cut = false } = {}): string {
	if (text.length < SHORTEST_CUT) return text;
	const words = [...new Set(secrets.flatMap(wordsOf))];
	const isWorth = words.length > FEW || words.some((word) => text.includes(coreOf(word)));
	if (!isWorth && !cut) return text;
	const plain = new Words(words.map(plainOf));
	const clean = isWorth ? redacted(text, plain) : text;
	if (!cut) return clean;
	const at = Math.max(0, clean.length - LONGEST_SPELLED);
	return clean.slice(0, at) + withoutBeginning(clean.slice(at), plain);
}

const wordsOf = (secret: string): string[] =>
	[secret, ...secret.split(/[\s,|=]+/), secret.replace(/^whsec_/, "")].filter(
		(word) => word.length >= SHORTEST && plainOf(word).length >= SHORTEST_CUT,
	);

/** What every spelling of a word has in common, or the beginning of that. */
const coreOf = (word: string): string =>
	word
		.split(/[^A-Za-z0-9]+/)
		.reduce((longest, part) => (part.length > longest.length ? part : longest), "")
		.slice(0, CORE);

/** Signs as JSON, URLs and HTML spell them, one inside the other, too. It looks at each sign once, so that no text makes it slow. */
const SPELLED = /\\+(?:u00([0-9a-f]{2}))?|%(?:25)?([0-9a-f]{2})|&(?:(amp|lt|gt|quot|apos)|#0{0,5}(\d{2,3})|#x0{0,5}([0-9a-f]{2}));|\+/gi;
const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** In a form a blank is a plus. */
const signOf = (sign: string): string => (sign === "+" ? " " : sign === "\\" ? "" : sign);

/** `plain`: the text as it was meant, without backslashes. `read[i]`: so many characters of `text` make the first i + 1 of `plain`. */
function unspelled(text: string): { plain: string; read: Uint32Array } {
	const read = new Uint32Array(text.length);
	let [plain, from] = ["", 0];
	const takeTo = (end: number) => {
		for (let i = from; i < end; i++) read[plain.length + i - from] = i + 1;
		plain += text.slice(from, end);
	};
	for (const match of text.matchAll(SPELLED)) {
		const [whole, json, url, name, decimal, hex] = match;
		takeTo(match.index);
		from = match.index + whole.length;
		const code = json ?? url ?? hex;
		const said = code !== undefined ? String.fromCharCode(Number.parseInt(code, 16)) : decimal && String.fromCharCode(Number(decimal));
		const sign = signOf(said ?? (name === undefined ? whole.slice(-1) : (NAMED[name.toLowerCase()] ?? "")));
		if (sign !== "") read[plain.length] = from;
		plain += sign;
	}
	takeTo(text.length);
	return { plain, read };
}
const plainOf = (word: string): string => unspelled(word).plain;

function redacted(text: string, words: Words): string {
	const { plain, read } = unspelled(text);
	const found = words.in(plain).found.map(([from, to]) => [read[from - 1] ?? 0, read[to - 1] ?? 0] as const);
	let [clean, done] = ["", 0];
	for (const [from, to] of found.sort(([a], [b]) => a - b)) {
		if (from >= done) clean += text.slice(done, from) + INSTEAD;
		done = Math.max(done, to);
	}
	return clean + text.slice(done);
}

/** Without the beginning of a word at its end, and without half a sign. */
function withoutBeginning(text: string, words: Words): string {
	const whole = text.slice(0, -12) + text.slice(-12).replace(/(?:\\{1,4}(?:u[0-9a-f]{0,3})?|%[0-9a-f]{0,3}|&#?[0-9a-z]{0,6})$/i, "");
	const { plain, read } = unspelled(whole);
	const { begun } = words.in(plain);
	return begun < SHORTEST_CUT ? text : whole.slice(0, read[plain.length - begun - 1] ?? 0) + INSTEAD;
}
