const filler = (index: number, bytes: number) => [`x-filler-${index}`, "f".repeat(bytes)] as const;

/** Header fields that an endpoint may have: common ones, odd ones, and together as large as they may be. */
export const FIELDS: Readonly<Record<string, string>> = {
	authorization: "Bearer abc.def",
	cookie: "a=1; b=2",
	accept: "application/json",
	"accept-language": "de, en;q=0.8",
	origin: "https://example.com",
	referer: "https://example.com/",
	"cache-control": "no-store",
	"if-none-match": '"abc"',
	range: "bytes=0-1",
	"sec-fetch-mode": "cors",
	"x-http-method-override": "PUT",
	constructor: "1",
	"!#$%&'*+-.^_`|~0az": "x y",
	"x-signs": Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join(""),
	"x-empty": "",
	...Object.fromEntries([filler(1, 4096), filler(2, 3000)]),
};

/** The same, read from the bytes of a request's head. */
export function fieldsIn(head: string): Record<string, string> {
	const lines = head.split("\r\n").flatMap((line) => {
		const at = line.indexOf(":");
		return at > 0 ? [[line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const] : [];
	});
	return Object.fromEntries(lines.filter(([name]) => name in FIELDS));
}
