import { randomBytes } from "node:crypto";
import { startSandbox } from "./node/sandbox.ts";

/** `npm run sandbox`: the deAPI sandbox alone, with the settings a gateway needs to use it. */
const apiKey = process.env["DEAPI_API_KEY"] || randomBytes(16).toString("hex");
const webhookSecret = process.env["DEAPI_WEBHOOK_SECRET"] || randomBytes(24).toString("hex");
const sandbox = await startSandbox({
	port: Number(process.env["SANDBOX_PORT"] || 8788),
	apiKeys: [apiKey],
	webhookSecret,
	webhookUrl: null,
});
console.log(`deAPI sandbox on ${sandbox.url} (this machine only). A gateway uses it with:

  DEAPI_BASE_URL=${sandbox.url} DEAPI_API_KEY=${apiKey} DEAPI_WEBHOOK_SECRET=${webhookSecret} CALLBACK_ALLOW=127.0.0.0/8

Decart, on the same port: DECART_BASE_URL=${sandbox.url} DECART_API_KEY=${apiKey}; its knobs and calls are below /_sandbox/decart/.

Faults: PATCH ${sandbox.url}/_sandbox/knobs. What was called and sent: GET ${sandbox.url}/_sandbox/calls, /_sandbox/hooks.`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void sandbox.close().then(() => process.exit(0)));
