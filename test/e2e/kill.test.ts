import { describe, expect, it, vi } from "vitest";
import { JOB, type Service } from "../support/launch.ts";
import { type Entry, gate, provider, receiver, service } from "../support/process.ts";

/** Leases and sweeps as short as they go, so that a killed claim comes back soon. */
const QUICK = { LEASE_MARGIN_S: "0", ATTEMPT_DEADLINE_MS: "300", PROVIDER_DEADLINE_MS: "500", SWEEP_EVERY_S: "1" };

const submit = (to: Service, body: object) =>
	to.call<{ id: string }>("/v1/jobs", { method: "POST", body: JSON.stringify({ ...JOB, ...body }) });
const timeline = async (of: Service, id: string) => (await of.call<{ data: Entry[] }>(`/v1/jobs/${id}/timeline`)).data;
const state = async (of: Service, id: string) => (await of.call<{ state: string }>(`/v1/jobs/${id}`)).state;
const soon = { timeout: 20_000, interval: 50 };

describe("killed with SIGKILL", () => {
	it("between the receiver's 200 and the attempt row, it sends one copy more, with the same id and the same bytes", async () => {
		const deapi = await provider();
		const jobhook = await service({ ...deapi.env, ...QUICK });
		const killed = gate();
		const hooks = await receiver(async (_, n) => {
			if (n === 1) {
				jobhook.freeze(); // it will never read the 200 that the kernel takes for it
				setImmediate(() => void jobhook.signal("SIGKILL").then(() => killed.open()));
			}
			return 200;
		});
		const { id } = await submit(jobhook, { webhook_url: hooks.url, webhook_events: ["job.completed"] });
		await killed.opened;
		await jobhook.start();
		await vi.waitFor(async () => expect((await timeline(jobhook, id)).filter((e) => e.kind === "attempt")).toHaveLength(2), soon);

		const [first, second] = hooks.received;
		expect(hooks.received).toHaveLength(2);
		expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
		expect(second?.body).toBe(first?.body);
		expect([first, second].map((c) => c?.headers["jobhook-attempt"])).toEqual(["1", "2"]);
		const attempts = (await timeline(jobhook, id)).filter((e) => e.kind === "attempt");
		expect(attempts.map(({ n, what, reason }) => ({ n, what, reason }))).toEqual([
			{ n: 1, what: "interrupted", reason: "lease_expired" },
			{ n: 2, what: "delivered", reason: "acknowledged" },
		]);
		expect(await deapi.calls("txt2img")).toBe(1);
	});

	it("while a send is under way, it never sends that job again, and the provider's webhook still ends it", async () => {
		const dropped = { dropEvents: ["job.processing" as const, "job.completed" as const] };
		const deapi = await provider({ calls: [{ call: "txt2img", times: 1, hangMs: 60_000, createFirst: true }], hooks: dropped });
		const jobhook = await service({ ...deapi.env, ...QUICK });
		const { id } = await submit(jobhook, {});
		await vi.waitFor(async () => expect(await deapi.calls("txt2img")).toBe(1), soon);
		await jobhook.signal("SIGKILL");
		await jobhook.start();
		await vi.waitFor(async () => expect((await timeline(jobhook, id)).find((e) => e.kind === "submission")?.what).toBe("unknown"), soon);
		await deapi.resend("job.completed");
		expect(await state(jobhook, id)).toBe("completed");
		expect(await deapi.calls("txt2img")).toBe(1);
	});
});
