import { randomBytes } from "node:crypto";
import { type Config, loadConfig } from "../config.ts";
import { type RunningSandbox, startSandbox } from "./sandbox.ts";

/** Settings of a gateway that talks to a sandbox of its own: made-up credentials, and callbacks may reach this machine. */
export async function startSandboxed(
	env: Record<string, string | undefined>,
	options: { timeFactor?: number } = {},
): Promise<{ config: Config; sandbox: RunningSandbox }> {
	const apiKey = randomBytes(16).toString("hex");
	const webhookSecret = randomBytes(24).toString("hex");
	const port = loadConfig(env).sandboxPort;
	const sandbox = await startSandbox({ port, apiKeys: [apiKey], webhookSecret, webhookUrl: null, ...options });
	const config = loadConfig({
		CALLBACK_ALLOW: "127.0.0.0/8,::1/128",
		...env,
		DEAPI_BASE_URL: sandbox.url,
		DEAPI_API_KEY: apiKey,
		DEAPI_WEBHOOK_SECRET: webhookSecret,
		DECART_BASE_URL: sandbox.url,
		DECART_API_KEY: apiKey,
	});
	return { config, sandbox };
}
