import fc from "fast-check";
import { CLIP, PICTURE } from "../suite/gateway/decart-tools.ts";
import { bytes, type Spoil, spoil, spoilt, text } from "./hostile.ts";
import { type IdWish, type Tree, written } from "./tree.ts";

export interface Part {
	name: string;
	filename: string | null;
	type: string | null;
	/** Text as JSON, or bytes. */
	is: { tree: Tree } | { bytes: Uint8Array } | { text: string };
}
export interface Form {
	parts: Part[];
	boundary: string;
	/** What the Content-Type says it is, where it says something else. */
	said: string | null;
	newline: "\r\n" | "\n";
	ending: "--\r\n" | "--" | "" | "--\r\nmore";
	spoil: Spoil;
}

const file = fc
	.oneof(
		{ weight: 4, arbitrary: fc.constant(CLIP) },
		{ weight: 2, arbitrary: fc.constant(PICTURE) },
		{ weight: 1, arbitrary: fc.constantFrom(CLIP.slice(0, 40), new Uint8Array(0)) },
		{ weight: 1, arbitrary: bytes },
	)
	.map((one) => ({ bytes: new Uint8Array(one) }));
const filename = fc.oneof(
	{ weight: 5, arbitrary: fc.constant<string | null>("clip.mp4") },
	{ weight: 1, arbitrary: fc.constant(null) },
	{ weight: 2, arbitrary: text },
);
const part = (name: fc.Arbitrary<string>, is: fc.Arbitrary<Part["is"]>, named = filename): fc.Arbitrary<Part> =>
	fc.record({ name, filename: named, type: fc.constantFrom(null, "video/mp4", "application/json", "text/plain; charset=utf-16"), is });
const without = fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: filename });

const odd = part(fc.oneof(text, fc.constantFrom("file", "data", "job", "input.data", "ttl_seconds")), fc.oneof(file, fc.record({ text })));
const withOdd = (parts: fc.Arbitrary<Part[]>) =>
	fc
		.tuple(parts, fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(odd, { maxLength: 22 }) }))
		.map(([a, b]) => [...a, ...b]);

/** What the two routes take that read forms. `job`: the JSON of a job. */
export const formParts = (path: string, job: fc.Arbitrary<Tree>): fc.Arbitrary<Part[]> =>
	withOdd(
		path === "/v1/files"
			? fc
					.tuple(
						part(fc.constant("file"), file),
						fc.option(
							part(
								fc.constant("ttl_seconds"),
								fc.constantFrom("60", "3600", "59", "1e3", "-1", "2592001", "\u0661").map((one) => ({ text: one })),
								without,
							),
						),
					)
					.map(([one, ttl]) => (ttl === null ? [one] : [ttl, one]))
			: fc
					.tuple(
						part(
							fc.constant("job"),
							job.map((tree) => ({ tree })),
							without,
						),
						part(fc.constantFrom("data", "input.data", "reference_image"), file),
					)
					.map((two) => [...two]),
	);

export const form = (parts: fc.Arbitrary<Part[]>): fc.Arbitrary<Form> =>
	fc.record({
		parts,
		boundary: fc.oneof(
			{ weight: 9, arbitrary: fc.constant("----edge0123456789") },
			{ weight: 1, arbitrary: fc.constantFrom("-", "a b", "x".repeat(71), '"', "é") },
		),
		said: fc.oneof(
			{ weight: 19, arbitrary: fc.constant(null) },
			{ weight: 1, arbitrary: fc.constantFrom("", "; boundary=", "; boundary=other", '; boundary="', "; boundary=a; boundary=b") },
		),
		newline: fc.oneof({ weight: 19, arbitrary: fc.constant("\r\n" as const) }, { weight: 1, arbitrary: fc.constant("\n" as const) }),
		ending: fc.oneof(
			{ weight: 19, arbitrary: fc.constant("--\r\n" as const) },
			{ weight: 1, arbitrary: fc.constantFrom("--" as const, "" as const, "--\r\nmore" as const) },
		),
		spoil,
	});

export const typeOfForm = ({ said, boundary }: Form): string => `multipart/form-data${said ?? `; boundary=${boundary}`}`;

export function bytesOfForm(form: Form, idOf: (wish: IdWish) => string): Uint8Array<ArrayBuffer> {
	const { newline } = form;
	const pieces = form.parts.flatMap(({ name, filename, type, is }) => {
		const disposition = `form-data; name="${name}"${filename === null ? "" : `; filename="${filename}"`}`;
		const head = [`--${form.boundary}`, `Content-Disposition: ${disposition}`, ...(type === null ? [] : [`Content-Type: ${type}`])];
		const body = "tree" in is ? written(is.tree, idOf) : "text" in is ? is.text : is.bytes;
		return [Buffer.from(`${head.join(newline)}${newline}${newline}`), Buffer.from(body), Buffer.from(newline)];
	});
	return spoilt(Buffer.concat([...pieces, Buffer.from(`--${form.boundary}${form.ending}`)]), form.spoil);
}
