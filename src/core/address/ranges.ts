import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Range = [address: Address, bits: number];

const HOST_BITS = { ipv4: 32, ipv6: 128 } as const;
/** An IPv4 address in IPv6 clothes is `::ffff:0:0/96`. */
const MAPPED_BITS = 96;

/** A CIDR range or a single address, IPv4 in four decimal parts; null when it is neither. A range of mapped addresses is the IPv4 range it means. */
export function parseCidr(text: string): Range | null {
	const [host = "", ...rest] = text.split("/");
	if (!host.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(host)) return null; // `10` and `010.0.0.1` mean other addresses to other readers
	if (rest.length === 0) return ipaddr.isValid(host) ? whole(ipaddr.parse(host)) : null;
	return ipaddr.isValidCIDR(text) ? unmapped(ipaddr.parseCIDR(text)) : null;
}

const whole = (address: Address): Range => unmapped([address, HOST_BITS[address.kind()]]);

function unmapped([address, bits]: Range): Range {
	const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= MAPPED_BITS;
	return mapped ? [address.toIPv4Address(), bits - MAPPED_BITS] : [address, bits];
}

/** `address` as `ipaddr.process` gives it: an IPv4 address never in IPv6 clothes, for one family is in no range of the other. */
export const isIn = (address: Address, [range, bits]: Range): boolean => range.kind() === address.kind() && address.match(range, bits);

/** Ranges whose addresses a gateway takes for IPv4 addresses, and the byte at which those begin: NAT64, RFC 6145, 6to4. */
const TRANSLATED = (
	[
		["64:ff9b::/96", 12],
		["::ffff:0:0:0/96", 12],
		["2002::/16", 2],
	] as const
).map(([cidr, at]) => [ipaddr.parseCIDR(cidr), at] as const);

/** An address, and the IPv4 address it is translated to, if any. */
export function reached(address: Address): Address[] {
	const at = TRANSLATED.find(([range]) => isIn(address, range))?.[1];
	return at === undefined ? [address] : [address, new ipaddr.IPv4(address.toByteArray().slice(at, at + 4))];
}

/** A range of one address. */
export const isSingle = ([address, bits]: Range): boolean => bits === HOST_BITS[address.kind()];

/**
 * Where clouds hand out a machine's credentials: AWS, GCP, Azure and most others, ECS tasks, EKS pods, Alibaba, Oracle, Tencent,
 * Scaleway, Azure's WireServer, and the same over IPv6. Some are in ranges that operators like to list, one is public.
 * Sources: the providers' pages on instance metadata.
 */
const METADATA = [
	...["169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "169.254.10.10", "169.254.42.42"],
	...["100.100.100.200", "192.0.0.192", "168.63.129.16"],
	...["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"],
].map((text) => whole(ipaddr.parse(text)));

export const isMetadata = (address: Address): boolean => METADATA.some((range) => isIn(address, range));

/** All that IANA has given out for the public IPv6 internet; outside are the many ways to write an IPv4 address. */
const PUBLIC_IPV6 = ipaddr.parseCIDR("2000::/3");

/** Unicast of the public internet, by IANA's registries of special addresses. */
export function isPublic(address: Address): boolean {
	const assigned = address.kind() === "ipv4" || address.match(PUBLIC_IPV6);
	return assigned && address.range() === "unicast";
}
