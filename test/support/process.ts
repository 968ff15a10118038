import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { startSandbox } from "../../src/node/sandbox.ts";
import type { KnobsPatch } from "../../src/sandbox/deapi/knobs.ts";
import { HOOK_SECRET, serviceIn, startReceiver } from "./launch.ts";

/** A folder of the test's own, removed with it. */
export function scratch(): string {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-e2e-"));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/** The built service, started; killed with the test at the latest. */
export async function service(env: Record<string, string> = {}, folder = scratch()) {
	const started = await serviceIn(folder, env);
	onTestFinished(async () => void (await started.signal("SIGKILL")));
	await started.start();
	return started;
}

/** The sandbox in this process, and what a service needs to use it. */
export async function provider(knobs: KnobsPatch = {}) {
	const sandbox = await startSandbox({
		port: 0,
		apiKeys: ["sandbox-key"],
		webhookSecret: HOOK_SECRET,
		webhookUrl: null,
		timeFactor: 0.05,
		knobs,
	});
	onTestFinished(() => sandbox.close());
	const env = {
		DEAPI_BASE_URL: sandbox.url,
		DEAPI_API_KEY: "sandbox-key",
		DEAPI_WEBHOOK_SECRET: HOOK_SECRET,
		DECART_BASE_URL: sandbox.url,
		DECART_API_KEY: "sandbox-key",
	};
	const calls = async (name: string) => {
		const { data } = (await (await fetch(`${sandbox.url}/_sandbox/calls`)).json()) as { data: { call: string }[] };
		return data.filter((entry) => entry.call === name).length;
	};
	/** Posts a hook that was dropped or sent before; the receiver's answer is in when it resolves. */
	const resend = async (event: string) => {
		const { data } = (await (await fetch(`${sandbox.url}/_sandbox/hooks`)).json()) as { data: { event: string; delivery_id: string }[] };
		const hook = data.find((sent) => sent.event === event);
		await fetch(`${sandbox.url}/_sandbox/hooks/${hook?.delivery_id}/resend`, { method: "POST" });
	};
	return { env, calls, resend };
}

/** A real receiver, closed with the test. */
export async function receiver(...args: Parameters<typeof startReceiver>) {
	const started = await startReceiver(...args);
	onTestFinished(started.close);
	return started;
}

/** A promise that is settled from outside. */
export function gate<T = void>() {
	let open: (value: T) => void = () => {};
	const opened = new Promise<T>((resolve) => {
		open = resolve;
	});
	return { opened, open };
}

export interface Entry {
	kind: string;
	what: string;
	n?: number;
	reason?: string | null;
	status?: number | null;
	event_type?: string;
	next_at?: string | null;
}
