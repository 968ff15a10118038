import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";

type State = "open" | "frozen";
interface Pair {
	client: Socket;
	server: Socket;
}

/** A way to a PostgreSQL server that counts what passes, and breaks on demand. */
export async function openProxy(url: string) {
	const to = new URL(url);
	const pairs = new Set<Pair>();
	let state: State = "open";
	let flights = 0;
	let onWord: { word: string; act: (pass: () => void, cut: () => void) => void } | undefined;
	let answered = true;

	const listener = net.createServer({ noDelay: true }, (client) => {
		const server = net.connect({ host: to.hostname, port: Number(to.port), noDelay: true });
		const pair = { client, server };
		pairs.add(pair);
		const cut = () => {
			pairs.delete(pair);
			client.destroy();
			server.destroy();
		};
		for (const socket of [client, server]) socket.on("error", () => {}).on("close", cut);
		client.on("data", (bytes) => {
			if (state === "frozen") return;
			if (answered) flights++;
			answered = false;
			const word = onWord;
			if (word === undefined || !bytes.includes(word.word)) return server.write(bytes);
			onWord = undefined;
			word.act(() => server.write(bytes), cut);
		});
		server.on("data", (bytes) => {
			if (state === "frozen") return;
			answered = true;
			client.write(bytes);
		});
	});
	listener.listen(0, "127.0.0.1");
	await once(listener, "listening");
	const through = new URL(url);
	through.port = String((listener.address() as AddressInfo).port);

	return {
		url: through.href,
		get connections() {
			return pairs.size;
		},
		/** How often the client spoke and waited for an answer meanwhile. */
		async flightsOf(run: () => Promise<unknown>): Promise<number> {
			flights = 0;
			answered = true;
			await run();
			return flights;
		},
		/** Swallows what comes from either side, and says nothing. */
		freeze: () => {
			state = "frozen";
		},
		/** Cuts the connection instead of passing the first message that holds this word. */
		cutBefore: (word: string) => {
			onWord = { word, act: (_pass, cut) => cut() };
		},
		/** Passes it, lets the server do what it says, and never brings the answer. */
		cutAfter: (word: string, done: () => Promise<unknown>) => {
			onWord = {
				word,
				act(pass, cut) {
					state = "frozen";
					pass();
					void done().finally(() => {
						state = "open";
						cut();
					});
				},
			};
		},
		cut: () => {
			for (const { client } of pairs) client.destroy();
		},
		thaw: () => {
			state = "open";
		},
		async close() {
			for (const { client } of pairs) client.destroy();
			listener.close();
			await once(listener, "close");
		},
	};
}
