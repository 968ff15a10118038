const HIGHEST = 65_535;

/** From, to, both included. */
export type PortRange = readonly [number, number];

/** `443` or `8000-8999`; null when it is neither. */
export function parsePorts(text: string): PortRange | null {
	const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
	if (from === undefined) return null;
	const range = [Number(from), Number(to)] as const;
	return range[0] >= 1 && range[0] <= range[1] && range[1] <= HIGHEST ? range : null;
}

/** `port` as URLs have it: empty for the scheme's own. */
export function hasPort(ranges: readonly PortRange[], protocol: string, port: string): boolean {
	const number = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
	return ranges.some(([from, to]) => from <= number && number <= to);
}

/** As the setting has them. */
export const portsText = (ranges: readonly PortRange[]): string =>
	ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
