import { afterEach, describe, expect, it } from "vitest";
import { importKey } from "../../../src/access/import-key.ts";
import { signDeapi } from "../../../src/core/signature.ts";
import type { Db } from "../../../src/db/db.ts";
import { HOOK_SECRET, openWorld, type World } from "../../support/world.ts";
import { rowCount } from "./doors.ts";
import { ACCOUNT_URL, accepted, eventsOf, hook, receipts, submissionsOf, told } from "./tools.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const FORGED = `sha256=${"0".repeat(64)}`;

export function strangers(open: () => Promise<Db>): void {
	describe("at the hooks' door", () => {
		let world: World;
		let taken: Awaited<ReturnType<typeof accepted>>;
		const enter = async (env: Record<string, string> = {}) => {
			world = await openWorld(await open(), { env });
			taken = await accepted(world);
		};
		afterEach(() => world.close());
		const post = (over: Partial<Parameters<typeof hook>[1]> = {}) => hook(world, { ...taken, event: "job.completed", ...over });
		const seconds = () => String(Math.floor(world.now() / 1000));
		/** The bytes as they are, at the job's own address. */
		async function sent(body: Uint8Array, signature: string, timestamp = seconds(), url = taken.url): Promise<string> {
			const headers = { "x-deapi-signature": signature, "x-deapi-timestamp": timestamp };
			const response = await world.app.request(url, { method: "POST", headers, body: new Uint8Array(body) });
			return `${response.status} ${((await response.json()) as { outcome: string }).outcome}`;
		}
		/** Calls to the database from here on. */
		function statements(): () => number {
			let count = 0;
			const real = world.deps.db;
			const counted = <T>(made: T): T => {
				count++;
				return made;
			};
			world.deps.db = { ...real, read: (query) => counted(real.read(query)), batch: (work) => counted(real.batch(work)) };
			return () => count;
		}

		it("only the exact bytes under the exact signature of one of the secrets are believed", async () => {
			await enter({ DEAPI_WEBHOOK_SECRET: `${HOOK_SECRET},the-other-secret-while-we-rotate` });
			const text = post().body;
			const body = utf8(text);
			const sign = (bytes: Uint8Array, at = seconds(), secret = HOOK_SECRET) => signDeapi(secret, at, bytes);
			const right = sign(body);
			const broken = body.with(text.indexOf("txt2img"), 0xff);
			const before = await rowCount(world.deps.db);
			const worthless: [string, Uint8Array, string, string?][] = [
				["bad", body, FORGED],
				["truncated", body, right.slice(0, -1)],
				["upper case", body, `sha256=${right.slice(7).toUpperCase()}`],
				["an upper-case prefix", body, right.replace("sha256", "SHA256")],
				["two in one header", body, `${right}, ${right}`],
				["two with a right one behind a wrong one", body, `${FORGED},${right}`],
				["of a secret that was rotated away", body, sign(body, seconds(), "the-secret-before")],
				["of another time", body, sign(body, String(Number(seconds()) - 1))],
				["of a time with a zero before it", body, right, `0${seconds()}`],
				["of the body alone", body, signDeapi(HOOK_SECRET, "", text)],
				["of what means the same", utf8(JSON.stringify(JSON.parse(text))), right],
				["of a body with a space less", body, sign(utf8(`${text} `))],
				["of a body with a line more", utf8(`${text}\r\n`), right],
				["of a body without its byte order mark", utf8(`\uFEFF${text}`), right],
				["of a body with other bytes that are no text", broken, right],
				["of a body that is empty now", utf8(""), right],
				["of an empty body", body, sign(utf8(""))],
			];
			for (const [what, bytes, signature, timestamp] of worthless) {
				expect(await sent(bytes, signature, timestamp), what).toBe("401 bad_signature");
				expect(await sent(bytes, signature, timestamp, ACCOUNT_URL), what).toBe("401 bad_signature");
			}
			expect(await rowCount(world.deps.db)).toBe(before);
			expect(await world.job(taken.job)).toMatchObject({ state: "submitted", revision: 0 });
			expect(await eventsOf(world, taken.job)).toEqual([]);
			expect(await sent(broken, sign(broken))).toBe("200 unreadable");
			expect(await sent(body, sign(body, seconds(), "the-other-secret-while-we-rotate"))).toBe("200 applied");
			expect(await sent(body, right)).toBe("200 duplicate");
			expect(world.lines.filter(({ level }) => level === "error")).toEqual([]);
		});

		it("a hook that was captured is worth nothing six minutes later, and no copy before", async () => {
			await enter();
			const captured = post();
			expect(await told(world, captured)).toBe("200 applied");
			const before = await rowCount(world.deps.db);
			expect(await told(world, captured)).toBe("200 duplicate");
			world.jump(360_000);
			expect(await told(world, captured)).toBe("401 outside_window");
			expect(await rowCount(world.deps.db)).toBe(before);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.completed"]);
		});

		it("another body under a known delivery id changes nothing, and the operator is told; of a true copy he is not", async () => {
			await enter();
			const first = post({ event: "job.processing", deliveryId: "d-1" });
			for (const outcome of ["200 applied", "200 duplicate"]) expect(await told(world, first)).toBe(outcome);
			const contradicted = () => world.lines.filter(({ what }) => what === "hook.contradicted");
			expect(contradicted()).toEqual([]);
			expect(await told(world, post({ event: "job.failed", deliveryId: "d-1" }))).toBe("200 duplicate");
			expect(contradicted()).toMatchObject([{ level: "warn", fields: { delivery: "d-1", account: "deapi:default" } }]);
			expect(await world.job(taken.job)).toMatchObject({ state: "processing", revision: 1 });
			expect(await receipts(world)).toMatchObject([{ body: first.body }]);
		});

		it("what strangers post costs no statement", async () => {
			await enter();
			await sent(utf8("{}"), FORGED, seconds(), ACCOUNT_URL); // the accounts are read
			const count = statements();
			for (const url of [ACCOUNT_URL, `${ACCOUNT_URL}/${"A".repeat(43)}`]) {
				for (let i = 0; i < 20; i++) expect(await sent(utf8(`{"i":${i}}`), FORGED, seconds(), url)).toBe("401 bad_signature");
				expect(await told(world, post({ url, sign: "none" }))).toBe("401 no_signature");
				expect(await told(world, post({ url, signedAt: world.now() - 301_000 }))).toBe("401 outside_window");
			}
			expect(count()).toBe(0);
			world.jump(5000);
			for (let i = 0; i < 20; i++) await sent(utf8("{}"), FORGED, seconds(), ACCOUNT_URL);
			expect(count()).toBe(1);
		});

		it("who has seen a job's address costs no statement while the job is about to be asked about, signed or not", async () => {
			await enter();
			world.jump(500);
			await sent(utf8("{}"), FORGED);
			const count = statements();
			for (let i = 0; i < 20; i++) {
				await told(world, post({ sign: "none" }));
				await sent(utf8("{}"), FORGED);
			}
			expect(count()).toBe(0);
			expect((await submissionsOf(world, taken.job))[0]!.nextAttemptAt).toBe(world.now());
		});

		it("a key that is imported amid a flood is known within a second, with a secret of its own or a shared one", async () => {
			await enter();
			const flood = () => sent(utf8("{}"), FORGED, seconds(), ACCOUNT_URL);
			await flood();
			const wish = { provider: "deapi", scopes: ["submit"] as const };
			await importKey(world.deps, world.appId, { ...wish, name: "new", key: "new-key-0123456789", webhookSecret: "of-the-new-account" });
			const theirs = () => post({ url: ACCOUNT_URL, providerJob: "theirs", secret: "of-the-new-account" });
			for (let i = 0; i < 10; i++) {
				world.jump(100);
				await flood();
			}
			expect(await told(world, theirs())).toBe("200 orphan");
			const shared = { ...wish, name: "shared", key: "second-key-of-the-account", webhookSecret: HOOK_SECRET };
			await importKey(world.deps, world.appId, shared);
			world.holdHooks(true);
			const authorization = `Bearer ${shared.key}`;
			const { id } = (await (await world.submit({}, { authorization })).json()) as { id: string };
			await world.run();
			const { providerJobId } = (await submissionsOf(world, id))[0]!;
			expect(await told(world, post({ url: ACCOUNT_URL, providerJob: providerJobId! }))).toBe("200 applied");
			expect((await world.job(id)).state).toBe("completed");
		});

		it("what the headers show is answered before the body is asked for", async () => {
			await enter();
			let asked = 0;
			const endless = (): RequestInit & { duplex: "half" } => ({
				method: "POST",
				duplex: "half",
				headers: { "x-deapi-timestamp": seconds() },
				body: new ReadableStream({
					pull(stream) {
						asked++;
						stream.enqueue(utf8("x".repeat(1000)));
					},
				}),
			});
			expect((await world.app.request(ACCOUNT_URL, endless())).status).toBe(401);
			expect(asked).toBeLessThan(3); // what a stream holds ready by itself
		});

		it("a flood writes five lines a second, and then how many it left out", async () => {
			await enter();
			world.lines.length = 0;
			const flood = () => Promise.all(Array.from({ length: 100 }, () => sent(utf8("{}"), FORGED, seconds(), ACCOUNT_URL)));
			await flood();
			world.jump(1000);
			await flood();
			const lines = (of: string) => world.lines.filter(({ what }) => what === of).map(({ fields }) => fields);
			expect(lines("request.finished")).toHaveLength(10);
			expect(lines("hook.refused").map(({ unsaid }) => unsaid)).toEqual([...Array(5).fill(undefined), 95, ...Array(4).fill(undefined)]);
			expect(lines("hook.refused")[0]).toEqual({ provider: "deapi", submission: null, reason: "bad_signature", by: "body", nudged: false });
			await told(world, post());
			expect(lines("hook.recorded")).toHaveLength(1);
			expect(lines("request.finished")).toHaveLength(11);
		});

		it("where nobody has an account it is 401, and 202 where the only one was imported without a secret", async () => {
			const none = { DEAPI_API_KEY: "", DEAPI_WEBHOOK_SECRET: "" };
			world = await openWorld(await open(), { env: none });
			const answered = async (headers: Record<string, string>) =>
				(await world.app.request(ACCOUNT_URL, { method: "POST", headers, body: "{}" })).status;
			const looksSigned = { "x-deapi-signature": FORGED, "x-deapi-timestamp": seconds() };
			for (const headers of [{}, looksSigned]) expect(await answered(headers)).toBe(401); // nobody has an account
			const wish = { provider: "deapi", name: "a", scopes: ["submit"] as const, key: "key-of-an-account-01", webhookSecret: null };
			await importKey(world.deps, world.appId, wish);
			world.jump(1000);
			for (const headers of [{}, looksSigned]) expect(await answered(headers)).toBe(202);
		});
	});
}
