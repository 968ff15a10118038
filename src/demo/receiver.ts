import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { sameText, signDeapi } from "../core/signature.ts";

export interface Callback {
	path: string;
	event: string;
	body: string;
	/** What the two verifiers made of it, each knowing nothing of the other. */
	standardWebhooks: boolean;
	deapi: boolean;
}

export interface Receiver {
	url: string;
	received: Callback[];
	close(): Promise<void>;
}

/** A backend as a user would write it: checks the signature of each callback over the raw body, then answers 200. */
export async function startReceiver(secretOf: (path: string) => string): Promise<Receiver> {
	const received: Callback[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const body = Buffer.concat(chunks).toString("utf8");
		const path = request.url ?? "/";
		const header = (name: string) => String(request.headers[name] ?? "");
		const secret = secretOf(path);
		const deapi = sameText(signDeapi(secret, header("x-deapi-timestamp"), body), header("x-deapi-signature"));
		const standardWebhooks = isStandard(secret, body, {
			"webhook-id": header("webhook-id"),
			"webhook-timestamp": header("webhook-timestamp"),
			"webhook-signature": header("webhook-signature"),
		});
		received.push({ path, event: header("x-deapi-event"), body, standardWebhooks, deapi });
		response.writeHead(deapi && standardWebhooks ? 200 : 401).end();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const close = async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	};
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, close };
}

function isStandard(secret: string, body: string, headers: Record<string, string>): boolean {
	try {
		new Webhook(secret).verify(body, headers);
		return true;
	} catch {
		return false;
	}
}
