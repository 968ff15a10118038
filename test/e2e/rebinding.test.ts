import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { child } from "../support/child.ts";
import { dialer, dns, failed, GOOD, kept, OK, server, timed } from "../support/dialling.ts";
import type { Script } from "../support/dns-server.ts";
import { answering, listen } from "../support/sockets.ts";

const REFUSED = failed("address_refused");

describe("a name that is judged by what it resolves to", () => {
	it("is reached where all its addresses may be, and the one that was judged is the one that is dialled", async () => {
		const { port, connections } = await server(GOOD);
		const { questions, address } = await dns({ "good.example": [{ A: [GOOD] }, { A: ["127.0.0.1"] }] });
		const send = dialer({ address, questions, close: async () => {} });
		expect(await send(`http://good.example:${port}/`)).toMatchObject({ status: 200 });
		expect(connections).toHaveLength(1);
		expect(new Set(questions)).toEqual(new Set(["good.example A udp", "good.example AAAA udp"]));
		expect(questions).toHaveLength(2);
	});

	it("is refused from the attempt on at which it resolves to this machine", async () => {
		const called: unknown[] = [];
		const { port } = kept(await listen(answering(OK), (socket) => void called.push(socket.localAddress), "0.0.0.0"));
		const send = dialer(await dns({ "rebinds.example": [{ A: [GOOD] }, { A: ["127.0.0.1"] }] }));
		expect(await send(`http://rebinds.example:${port}/`)).toMatchObject({ status: 200 });
		for (let i = 0; i < 3; i++) expect(await send(`http://rebinds.example:${port}/`)).toEqual(REFUSED);
		expect(called).toEqual([GOOD]);
	});

	it.each<[string, Script]>([
		["one of several is this machine", { A: [GOOD, "127.0.0.1"] }],
		["the last of 200 is", { A: [...Array.from({ length: 199 }, () => GOOD), "127.0.0.1"] }],
		["its IPv6 address is", { A: [GOOD], AAAA: ["::1"] }],
		["its IPv4 address is", { A: ["127.0.0.1"], AAAA: ["2606:4700::1111"] }],
		["one of its IPv6 addresses is", { A: [GOOD], AAAA: ["2606:4700::1111", "::ffff:127.0.0.1"] }],
		["it is an alias of such a name", { via: ["internal.example", "db.internal"], A: ["127.0.0.1"] }],
		["only its answer over TCP says so", { A: ["127.0.0.1"], truncated: true }],
		["it is the metadata service", { A: ["169.254.169.254"] }],
		["it is unspecified", { A: ["0.0.0.0"], AAAA: ["::"] }],
		["it translates to IPv4", { AAAA: ["64:ff9b::7f00:1"] }],
	])("is refused where %s, and nobody is connected to", async (_, script) => {
		const anywhere = kept(await listen(answering(OK), undefined, "::"));
		const send = dialer(await dns({ "bad.example": script }));
		for (const scheme of ["http", "https"])
			for (const once of [false, true]) expect(await send(`${scheme}://bad.example:${anywhere.port}/`, { once })).toEqual(REFUSED);
		expect(anywhere.connections).toHaveLength(0);
	});

	it("is refused over plain http where its address is public, but not listed", async () => {
		expect(await dialer(await dns({ "public.example": { A: ["8.8.8.8"] } }))("http://public.example/")).toEqual(REFUSED);
	});

	it("is refused by CALLBACK_DENY, whatever CALLBACK_ALLOW says, and by the ports", async () => {
		const { port, connections } = await server(GOOD);
		const nameServer = await dns({ "good.example": { A: [GOOD] } });
		const denying = dialer(nameServer, { callbackAllow: ["127.0.0.0/8"], callbackDeny: [`${GOOD}/32`] });
		expect(await denying(`http://good.example:${port}/`)).toEqual(REFUSED);
		const narrow = dialer(nameServer, { callbackPorts: [[port + 1, port + 1]] });
		for (const host of ["good.example", GOOD]) expect(await narrow(`http://${host}:${port}/`)).toEqual(REFUSED);
		expect(connections).toHaveLength(0);
	});

	it("is refused at the metadata service, in a wide range that is listed, too", async () => {
		const script = { "metadata.example": { A: ["169.254.169.254"] }, "azure.example": { A: ["168.63.129.16"] } };
		const send = dialer(await dns(script), { callbackAllow: ["0.0.0.0/0", "::/0"] });
		for (const host of ["metadata.example", "azure.example", "169.254.169.254", "[fd00:ec2::254]"])
			expect(await send(`http://${host}/`), host).toEqual(REFUSED);
	});

	it("is refused where it is our own, without a look-up, and reached where its address is listed", async () => {
		const { port, connections } = await server(GOOD);
		const nameServer = await dns({ "jobs.example": { A: [GOOD] } });
		const own = dialer(nameServer, { publicUrl: "https://jobs.example" });
		for (const url of [`http://jobs.example:${port}/`, `https://JOBS.example.:${port}/`]) expect(await own(url)).toEqual(REFUSED);
		expect([connections, nameServer.questions]).toEqual([[], []]);
		const listed = dialer(nameServer, { publicUrl: `http://${GOOD}:8080` });
		expect(await listed(`http://${GOOD}:${port}/`)).toMatchObject({ status: 200 });
	});

	it("may redirect to a private address: nobody follows", async () => {
		const private_ = await server();
		const location = `http://${private_.host}/`;
		const moved = `HTTP/1.1 307 Moved\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`;
		const { port } = kept(await listen(answering(moved), undefined, GOOD));
		const send = dialer(await dns({ "moves.example": { A: [GOOD] } }));
		expect(await send(`http://moves.example:${port}/`)).toMatchObject({ status: 307, headers: { location } });
		expect(private_.connections).toHaveLength(0);
	});

	it("is reached by the first of its addresses that takes the connection", async () => {
		const { port } = await server(GOOD);
		const send = dialer(await dns({ "half.example": { A: ["127.0.0.4", GOOD], AAAA: ["::1"] } }), {
			callbackAllow: ["127.0.0.0/8", "::1/128"],
		});
		expect(await send(`http://half.example:${port}/`)).toMatchObject({ status: 200 });
	});

	it("is reached at an address that hears only the second knock, though another is dead", async () => {
		const full = child("../e2e/full.child.ts", []);
		const port = Number(await full.said());
		const rules = { callbackAllow: [`${GOOD}/32`, "::1/128"], connectDeadlineMs: 8000 };
		const send = dialer(await dns({ "busy.example": { A: [GOOD], AAAA: ["::1"] } }), rules);
		const [answer, ms] = await timed(send(`http://busy.example:${port}/`));
		expect(answer).toMatchObject({ status: 200 });
		expect(ms).toBeGreaterThan(500); // a system knocks again after a second
	});

	it("is reached at once where its IPv6 half is swallowed", async () => {
		const { port } = await server(GOOD);
		const send = dialer(await dns({ "swallowed.example": { A: [GOOD], silent: ["AAAA"] } }));
		const [answer, ms] = await timed(send(`http://swallowed.example:${port}/`));
		expect(answer).toMatchObject({ status: 200 });
		expect(ms).toBeLessThan(800);
		console.info(`a name server that swallows AAAA: called after ${ms.toFixed(0)} ms`);
	});
});

describe("a proxy that the environment names", () => {
	it("is used by nobody", async () => {
		const receiver = kept(await listen((socket) => void socket.write(OK))); // to a TLS handshake, too
		const proxy = await server();
		const url = `http://${proxy.host}`;
		const variables = ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
		const env = {
			...process.env,
			...Object.fromEntries(variables.map((name) => [name, url])),
			NODE_USE_ENV_PROXY: "1",
			NO_PROXY: "",
			no_proxy: "",
		};
		const script = path.join(import.meta.dirname, "proxied.child.ts");
		const { stdout } = await promisify(execFile)(process.execPath, [script, receiver.host], { env });
		const { sent, control } = JSON.parse(stdout.trim().split("\n").at(-1)!);
		expect(sent).toEqual(["200", "200", "tls_error", "tls_error"]);
		expect(receiver.connections.length).toBeGreaterThanOrEqual(4);
		expect([control, proxy.connections.length]).toEqual([200, 1]); // one of Node's own did go there: the variables are in force
	});
});
