import node from "node:dns";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Names } from "../../src/node/dialer/names.ts";
import { askSystem, hostsFileNames } from "../../src/node/dialer/system-names.ts";
import { dialer, dns, failed, GOOD, SILENT, server, timed } from "../support/dialling.ts";
import type { Script } from "../support/dns-server.ts";

describe("the addresses of a name", () => {
	const asking = async (script: Record<string, Script>, deadlineMs = 4000) => {
		const { address, questions } = await dns(script);
		const names = new Names({ deadlineMs, servers: [address] });
		const list = async (name: string) => (await names.addressesOf(name)).map(({ address }) => address);
		return { list, questions };
	};

	it("are all that both families have, IPv4 first, asked for at once and each time anew", async () => {
		const { list, questions } = await asking({ "two.example": { A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] } });
		for (let i = 0; i < 2; i++) expect(await list("two.example")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
		for (const type of ["A", "AAAA"]) expect(questions.filter((question) => question === `two.example ${type} udp`)).toHaveLength(2);
	});

	it("are those of one family where the other has none, is refused or broken", async () => {
		const { list } = await asking({ "four.example": { A: ["192.0.2.1"] }, "six.example": { AAAA: ["2001:db8::1"] } });
		expect(await list("four.example")).toEqual(["192.0.2.1"]);
		expect(await list("six.example")).toEqual(["2001:db8::1"]);
	});

	it("do not wait long for a family that is swallowed", async () => {
		const { list } = await asking({
			"four.example": { A: ["192.0.2.1"], silent: ["AAAA"] },
			"six.example": { AAAA: ["2001:db8::1"], silent: ["A"] },
		});
		const [four, six] = await Promise.all([timed(list("four.example")), timed(list("six.example"))]);
		expect([four[0], six[0]]).toEqual([["192.0.2.1"], ["2001:db8::1"]]);
		expect(four[1]).toBeGreaterThan(250);
		expect(four[1]).toBeLessThan(800);
		expect(six[1]).toBeLessThan(1900); // most hosts have IPv4 alone: one lost packet must not cost them the name
	});

	it("that come late come all the same, within the deadline", async () => {
		const { list, questions } = await asking({ "late.example": [SILENT, { A: ["192.0.2.1"] }] }, 1500);
		expect(await list("late.example")).toEqual(["192.0.2.1"]);
		expect(questions.filter((question) => question === "late.example A udp")).toHaveLength(2);
	});

	it("are those at the end of aliases; aliases in a circle have none", async () => {
		const via = ["one.example", "two.example", "three.example"];
		const { list } = await asking({
			"alias.example": { via, A: ["192.0.2.1"], AAAA: ["2001:db8::1"] },
			"circle.example": { via: ["other.example", "circle.example"] },
		});
		expect(await list("alias.example")).toEqual(["192.0.2.1", "2001:db8::1"]);
		expect(await list("circle.example")).toEqual([]);
	});

	it("come over TCP where they are too many, or cut, and none is left out", async () => {
		const many = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
		const { list, questions } = await asking({ "many.example": { A: many }, "cut.example": { A: ["192.0.2.1"], truncated: true } });
		expect(new Set(await list("many.example"))).toEqual(new Set(many));
		expect(await list("cut.example")).toEqual(["192.0.2.1"]);
		expect(questions).toEqual(expect.arrayContaining(["many.example A tcp", "cut.example A tcp"]));
	});

	it("of localhost are this machine's, by definition", async () => {
		const { list, questions } = await asking({});
		expect([await list("localhost"), await list("LOCALHOST.")]).toEqual([
			["127.0.0.1", "::1"],
			["127.0.0.1", "::1"],
		]);
		expect(questions).toEqual([]);
	});
});

describe("a name that is the system's to know", () => {
	afterEach(() => void vi.restoreAllMocks());
	const names = (deadlineMs = 4000) => new Names({ deadlineMs, servers: [] });
	const FOUND = [{ address: "192.0.2.9", family: 4 }];
	const systemSays = (answer: (name: string) => Promise<typeof FOUND>) =>
		vi.spyOn(node.promises, "lookup").mockImplementation(((name: string) => answer(name)) as never);
	const dnsSays = (error: string) => {
		const answer = () => Promise.reject(Object.assign(new Error(error), { code: error }));
		return (["resolve4", "resolve6"] as const).map((method) =>
			vi.spyOn(node.promises.Resolver.prototype, method).mockImplementation(answer),
		);
	};

	it("is asked of it: localhost, a container's name, one of the hosts file, and DNS hears nothing of them", async () => {
		const asked = dnsSays("ENOTFOUND");
		expect((await names().addressesOf("localhost")).map(({ address }) => address)).toContain("127.0.0.1");
		systemSays(async () => FOUND);
		expect(await names().addressesOf("receiver")).toEqual(FOUND);
		for (const spy of asked) expect(spy).not.toHaveBeenCalled();
		const file = path.join(mkdtempSync(path.join(os.tmpdir(), "jobhook-test-")), "hosts");
		writeFileSync(file, "127.0.0.1 localhost # here.example\n\n#10.0.0.1 off.example\n10.0.0.2\tHooks.example.  db.internal\n");
		expect([...hostsFileNames(file)]).toEqual(["localhost", "hooks.example", "db.internal"]);
		rmSync(path.dirname(file), { recursive: true });
		expect(hostsFileNames(file)).toEqual(new Set());
	});

	it.each([
		["ENOTFOUND", true],
		["ENODATA", true],
		["ECONNREFUSED", true],
		["ESERVFAIL", false],
		["ETIMEOUT", false],
		["EREFUSED", false],
	])("is asked of it after DNS has said %s: %s", async (error, asks) => {
		dnsSays(error);
		systemSays(async () => FOUND);
		expect(await names().addressesOf("a.example")).toEqual(asks ? FOUND : []);
	});

	it("and hangs there holds one place of two, and who waits behind it is told in time and asked no more", async () => {
		dnsSays("ENOTFOUND");
		let end = (_: typeof FOUND) => {};
		const asked: string[] = [];
		systemSays((name) => {
			asked.push(name);
			return name === "hangs.example" ? new Promise((resolve) => (end = resolve)) : Promise.resolve(FOUND);
		});
		const hostile = ["hangs.example", "b.example", "c.example"].map((name) => names(100).addressesOf(name));
		await vi.waitFor(() => expect(asked).toEqual(["hangs.example"]));
		expect(await names().addressesOf("receiver")).toEqual(FOUND);
		expect(await askSystem("hooks.example", AbortSignal.timeout(4000), "operator")).toEqual(FOUND); // as one of the hosts file
		expect(await Promise.all(hostile)).toEqual([[], [], []]);
		end(FOUND);
		expect(await names().addressesOf("d.example")).toEqual(FOUND);
		expect(asked).toEqual(["hangs.example", "receiver", "hooks.example", "d.example"]);
	});
});

describe("a name without addresses", () => {
	it.each<[string, string, Script | null]>([
		["that nobody knows", "gone.example", null],
		["of a broken name server", "servfail.example", { error: "SERVFAIL" }],
		["of a name server that refuses", "refused.example", { error: "REFUSED" }],
		["that has neither family", "none.example", {}],
		["that DNS cannot carry", `${"a".repeat(64)}.example`, null],
		["of one label", "intranet", null],
	])("%s is a dns_error, before anything was sent", async (_, name, script) => {
		const send = dialer(await dns(script === null ? {} : { [name]: script }));
		const [answer, ms] = await timed(send(`https://${name}/`));
		expect(answer).toEqual(failed("dns_error"));
		expect(ms).toBeLessThan(1000);
	});

	it("within the time that a connection has is a dns_error, too, and the request is not kept any longer", async () => {
		const nameServer = await dns({ "slow.example": SILENT });
		const send = dialer(nameServer, { connectDeadlineMs: 1500 });
		const [answers, ms] = await timed(Promise.all([false, true].map((once) => send("https://slow.example/", { once }))));
		expect(answers).toEqual([failed("dns_error"), failed("dns_error")]);
		expect(ms).toBeGreaterThan(1100);
		expect(ms).toBeLessThan(1500);
		const asked = nameServer.questions.length;
		await new Promise((resolve) => setTimeout(resolve, 700)); // its questions end with it: nobody repeats them
		expect(nameServer.questions).toHaveLength(asked);
	});

	it("keeps nobody else waiting", async () => {
		const slow = ["a", "b", "c", "d", "e"].map((label) => `${label}.example`);
		const { port } = await server(GOOD);
		const script = Object.fromEntries(slow.map((name) => [name, SILENT]));
		const send = dialer(await dns({ ...script, "quick.example": { A: [GOOD] } }), { connectDeadlineMs: 1500 });
		const waiting = slow.map((name) => send(`http://${name}:${port}/`));
		const [answer, ms] = await timed(send(`http://quick.example:${port}/`));
		expect(answer).toMatchObject({ status: 200 });
		expect(ms).toBeLessThan(500);
		expect(await Promise.all(waiting)).toEqual(slow.map(() => failed("dns_error")));
		console.info(`five names that are never answered: a sixth was looked up and called in ${ms.toFixed(0)} ms`);
	});
});
