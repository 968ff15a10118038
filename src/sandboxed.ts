import { randomBytes } from "node:crypto";
import { startSandbox } from "./node/sandbox.ts";

/** `npm run sandbox`: deAPI and Decart, offline, with the settings a gateway needs to use them. */
const apiKey = process.env["DEAPI_API_KEY"] || randomBytes(16).toString("hex");
const webhookSecret = process.env["DEAPI_WEBHOOK_SECRET"] || randomBytes(24).toString("hex");
const port = Number(process.env["SANDBOX_PORT"] || 8788);
const sandbox = await startSandbox({ port, apiKeys: [apiKey], webhookSecret, webhookUrl: null }).catch((e: Error) => {
	console.error(`the sandbox cannot listen on port ${port}: ${e.message}; SANDBOX_PORT chooses another`);
	process.exit(1);
});
console.log(`deAPI and Decart, offline, on ${sandbox.url} (this machine only). A gateway uses them with:

  DEAPI_BASE_URL=${sandbox.url} DEAPI_API_KEY=${apiKey} DEAPI_WEBHOOK_SECRET=${webhookSecret} \\
  DECART_BASE_URL=${sandbox.url} DECART_API_KEY=${apiKey} CALLBACK_ALLOW=127.0.0.0/8

Faults: GET and PATCH ${sandbox.url}/_sandbox/knobs, and /_sandbox/decart/knobs for Decart. What was called and sent:
GET ${sandbox.url}/_sandbox/calls, /_sandbox/hooks, /_sandbox/decart/calls. Decart's own SDK: createDecartClient({ baseUrl, apiKey }).`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void sandbox.close().then(() => process.exit(0)));
