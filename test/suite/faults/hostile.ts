import type { Socket } from "node:net";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { createHttp } from "../../../src/node/dialer/dialer.ts";
import { blackHole, CHUNKED, drips, head, openPeer, resets } from "../../support/hostile.ts";
import { broken, large, odd, type Row, secure, slow, wrong } from "./hostile-peers.ts";
import { type Faults, MINUTE, openFaults, SECOND, TEST_MS } from "./tools.ts";

const DEADLINE_MS = 200;
/** Of real time, behind the deadline. */
const LATE_MS = 500;

/** Rows 29 to 31: whatever a receiver does, through the whole path of a delivery. */
export function hostile(open: () => Promise<Db>): void {
	describe("a receiver that", { timeout: TEST_MS }, () => {
		let faults: Faults;
		let http: ReturnType<typeof createHttp>;
		let answers: { answer: unknown; tookMs: number }[];
		let closing: (() => unknown)[];
		/** What happens at the very moment of the next request. */
		let beforeSend = () => {};
		const trusted = tls.getCACertificates("default");
		beforeEach(async () => {
			faults = await openFaults(await open(), { ATTEMPT_DEADLINE_MS: String(DEADLINE_MS) });
			const { deps } = faults.world;
			http = createHttp(deps.config);
			answers = [];
			closing = [() => http.close(), () => faults.close()];
			deps.http = async (request) => {
				beforeSend();
				beforeSend = () => {};
				const from = performance.now();
				const answer = await http(request);
				answers.push({ answer, tookMs: performance.now() - from });
				return answer;
			};
		});
		afterEach(async () => {
			tls.setDefaultCACertificates(trusted);
			for (const close of closing) await close();
		});

		async function subscribe(peer: Row["peer"], over: Record<string, unknown> = {}) {
			const receiver = await openPeer(peer);
			closing.unshift(receiver.close);
			const url = `${peer.https ? "https" : "http"}://${receiver.host}/hooks`;
			const { id } = await faults.world.endpoint({ url, event_types: ["job.completed"], ...over });
			const attempts = async () => (await faults.attempts(id)).map(({ reason }) => reason);
			const lives = async () => (await faults.deliveries(id)).filter(({ claimId }) => claimId !== null).length;
			/** One delivery; when its attempt is over. */
			const deliver = async () => {
				faults.world.jump(SECOND);
				await faults.feed([faults.world.now()]);
				await faults.begin();
				expect([faults.underWay(), await lives()]).toEqual([0, 0]);
			};
			/** Until the next attempt has been made. */
			const again = async () => {
				await faults.play(2 * MINUTE);
				expect([faults.underWay(), await lives()]).toEqual([0, 0]);
			};
			return { ...receiver, id, attempts, deliver, again };
		}

		async function meets({ peer, reason, status, truncated, text, begins, before = false, posts = 1 }: Row) {
			const receiver = await subscribe(peer);
			await receiver.deliver();
			expect(await receiver.attempts()).toEqual([reason]);
			expect(receiver.posts()).toBe(posts);
			const [{ answer, tookMs }] = answers as [(typeof answers)[number]];
			expect(tookMs).toBeLessThan(DEADLINE_MS + LATE_MS);
			if (status === undefined) expect(answer).toEqual({ kind: "failed", reason, before });
			else expect(answer).toMatchObject({ kind: "response", status, ...(truncated === undefined ? {} : { truncated }) });
			if (text !== undefined) expect(answer).toMatchObject({ body: text });
			if (begins !== undefined) expect((answer as { body: string }).body.slice(0, begins.length)).toBe(begins);
			return receiver;
		}
		/** The attempt behind it is as any other: another delivery's, where that one was told. */
		async function recovers({ reason }: Row, receiver: Awaited<ReturnType<typeof meets>>) {
			const before = receiver.posts();
			if (reason === "acknowledged") await receiver.deliver();
			else await receiver.again();
			expect(await receiver.attempts()).toEqual([reason, "acknowledged"]);
			expect((await faults.deliveries(receiver.id)).map(({ state }) => state)).toEqual(
				reason === "acknowledged" ? ["delivered", "delivered"] : ["delivered"],
			);
			expect(receiver.posts()).toBe(before + 1);
		}

		it("closes a kept connection as the next request is sent has one attempt of that, too", async () => {
			for (const close of [(socket: Socket) => socket.end(), resets]) {
				const receiver = await subscribe({});
				await receiver.deliver();
				beforeSend = () => void close(receiver.connections[0]!.socket);
				await receiver.deliver();
				const seen = { attempts: await receiver.attempts(), posts: receiver.posts(), connections: receiver.connections.length };
				// it is seen before a byte was written, or only then
				if (seen.connections === 2) expect(seen).toEqual({ attempts: ["acknowledged", "acknowledged"], posts: 2, connections: 2 });
				else expect(seen).toEqual({ attempts: ["acknowledged", "connection_lost"], posts: expect.toBeOneOf([1, 2]), connections: 1 });
			}
		});

		it("resets before it is asked has one attempt, and sees nothing of it", async () => {
			const receiver = await subscribe({ opened: resets });
			await receiver.deliver();
			expect([["connect_failed"], ["connection_lost"]]).toContainEqual(await receiver.attempts()); // as the connection was made, or behind that
			expect([receiver.posts(), receiver.connections.length]).toEqual([0, 1]);
			await receiver.again();
			expect((await receiver.attempts()).at(-1)).toBe("acknowledged");
		});

		it("resets a kept connection on the next request has one attempt of that, and no second one that nobody sees", async () => {
			const receiver = await subscribe({});
			await receiver.deliver();
			receiver.connections[0]!.socket.removeAllListeners("data").on("data", () => resets(receiver.connections[0]!.socket));
			await receiver.deliver();
			expect(await receiver.attempts()).toEqual(["acknowledged", "connection_lost"]);
			expect([receiver.posts(), receiver.connections.length]).toEqual([1, 1]); // of the second the reset alone was seen
			await receiver.again();
			expect(await receiver.attempts()).toEqual(["acknowledged", "connection_lost", "acknowledged"]);
		});

		it("answers what nobody has asked yet, on a kept connection, is not believed", async () => {
			const receiver = await subscribe({});
			await receiver.deliver();
			beforeSend = () => void receiver.connections[0]!.socket.write(head("410 Gone", "content-length: 0"));
			await receiver.deliver();
			expect(await receiver.attempts()).toEqual(["acknowledged", "acknowledged"]);
			expect([receiver.posts(), receiver.connections.length]).toEqual([2, 2]);
		});

		it("is never connected to ends at the deadline of the attempt, which may be the endpoint's own", async () => {
			const hole = await blackHole();
			closing.unshift(hole.close);
			for (const [over, deadlineMs] of [
				[{}, DEADLINE_MS],
				[{ timeout_ms: 1000 }, 1000],
			] as const) {
				answers = [];
				const { id } = await faults.world.endpoint({ url: `http://${hole.host}/${deadlineMs}`, event_types: ["job.completed"], ...over });
				await faults.feed([faults.world.now()]);
				await faults.begin();
				const mine = answers.toSorted((a, b) => b.tookMs - a.tookMs)[0]!;
				expect(mine.answer).toEqual({ kind: "failed", reason: "connect_timeout", before: true });
				expect(mine.tookMs).toBeGreaterThan(deadlineMs - 20);
				expect(mine.tookMs).toBeLessThan(deadlineMs + LATE_MS);
				expect((await faults.attempts(id)).map(({ reason }) => reason)).toEqual(["connect_timeout"]);
				expect(faults.underWay()).toBe(0);
			}
		});

		it("answers too late for its endpoint's own deadline has one attempt", async () => {
			const receiver = await subscribe({ asked: drips(CHUNKED, "1\r\na\r\n") }, { timeout_ms: 1000 });
			await receiver.deliver();
			expect(await receiver.attempts()).toEqual(["timeout"]);
			expect(answers[0]!.tookMs).toBeGreaterThan(980);
			expect(answers[0]!.tookMs).toBeLessThan(1000 + LATE_MS);
			await expect.poll(() => receiver.connections[0]!.socket.destroyed).toBe(true);
		});

		const rows = [...slow, ...large, ...wrong, ...odd, ...broken];
		it.each(rows.map((row) => [row.what, row.reason, row] as const))(
			"%s has one attempt (%s), and the next is as any",
			async (_, __, row) => {
				await recovers(row, await meets(row));
			},
		);

		it.each(secure().map((row) => [row.what, row.reason, row] as const))(
			"%s sees nothing of the one attempt (%s)",
			async (_, __, { trusted: vouched, ...row }) => {
				const { cert } = row.peer.secure ?? {};
				if (vouched && cert !== undefined) tls.setDefaultCACertificates([...trusted, cert.toString()]);
				await meets(row);
			},
		);
	});
}
