import dgram from "node:dgram";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import packet, { type Answer, type Packet } from "dns-packet";

/** What a name server says of a name: addresses, or aliases on the way to them. */
export interface Says {
	A?: readonly string[];
	AAAA?: readonly string[];
	/** Aliases, each the next one's; the last has the addresses. */
	via?: readonly string[];
	error?: "NXDOMAIN" | "SERVFAIL" | "REFUSED";
	/** Types of question that are never answered. */
	silent?: readonly string[];
	/** Over UDP nothing but that there is more. */
	truncated?: boolean;
}
/** A name's answers to the first, second and so on question of a type; the last one for ever. */
export type Script = Says | readonly Says[];

const RCODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;
/** What c-ares takes over UDP. */
const UDP_BYTES = 1232;

export interface DnsServer {
	/** `127.0.0.1:<port>`, as CALLBACK_DNS has it. */
	address: string;
	/** All questions, in their order, like `example.com A udp`. */
	questions: string[];
	close(): Promise<void>;
}

/** A name server on 127.0.0.1, UDP and TCP. Every answer has a time to live of 0; names that are not in the script are NXDOMAIN. */
export async function dnsServer(script: Readonly<Record<string, Script>>): Promise<DnsServer> {
	const questions: string[] = [];
	const counts = new Map<string, number>();
	const answerTo = (query: Buffer, over: "udp" | "tcp"): Buffer | null => {
		const { id, questions: [asked] = [] } = packet.decode(query);
		if (asked === undefined) return null;
		const name = asked.name.toLowerCase();
		const key = `${name} ${asked.type}`;
		questions.push(`${key} ${over}`);
		const says = inTurn(script[name] ?? { error: "NXDOMAIN" }, counts.get(key) ?? 0);
		if (!(over === "udp" && says.truncated)) counts.set(key, (counts.get(key) ?? 0) + 1);
		if (says.silent?.includes(asked.type)) return null;
		const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (says.error ? RCODES[says.error] : 0);
		const whole: Packet = { type: "response", id: id ?? 0, flags, questions: [asked], answers: answersOf(says, asked.name, asked.type) };
		const bytes = packet.encode(whole);
		const cut = over === "udp" && (says.truncated || bytes.length > UDP_BYTES);
		return cut ? packet.encode({ ...whole, flags: flags | packet.TRUNCATED_RESPONSE, answers: [] }) : bytes;
	};

	const tcp = net.createServer((socket) => {
		let received = Buffer.alloc(0);
		socket.on("error", () => {});
		socket.on("data", (bytes) => {
			received = Buffer.concat([received, bytes]);
			while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
				const end = 2 + received.readUInt16BE(0);
				const answer = answerTo(received.subarray(2, end), "tcp");
				received = received.subarray(end);
				if (answer) socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
			}
		});
		socket.on("end", () => socket.end());
	});
	tcp.listen(0, "127.0.0.1");
	await once(tcp, "listening");
	const { port } = tcp.address() as AddressInfo;

	const udp = dgram.createSocket({ type: "udp4", recvBufferSize: 1_000_000 });
	udp.on("message", (query, from) => {
		const answer = answerTo(query, "udp");
		if (answer) udp.send(answer, from.port, from.address);
	});
	udp.bind(port, "127.0.0.1");
	await once(udp, "listening");

	const close = async () => {
		udp.close();
		tcp.close();
		await Promise.all([once(udp, "close"), once(tcp, "close")]);
	};
	return { address: `127.0.0.1:${port}`, questions, close };
}

const inTurn = (script: Script, nth: number): Says => (Array.isArray(script) ? (script[nth] ?? script.at(-1)) : script) as Says;

function answersOf(says: Says, name: string, type: string): Answer[] {
	const path = [name, ...(says.via ?? [])];
	const aliases = path.slice(1).map((data, i): Answer => ({ type: "CNAME", name: path[i]!, ttl: 0, data }));
	const addresses = (type === "A" ? says.A : type === "AAAA" ? says.AAAA : undefined) ?? [];
	return [...aliases, ...addresses.map((data): Answer => ({ type: type as "A" | "AAAA", name: path.at(-1)!, ttl: 0, data }))];
}
