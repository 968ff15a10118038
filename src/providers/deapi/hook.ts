import { z } from "zod";
import type { HookMessage, News } from "../provider.ts";
import { Link } from "./link.ts";

const id = z.string().min(1).max(255);
const words = (most: number) =>
	z
		.string()
		.transform((text) => text.replaceAll("\u0000", "\ufffd").slice(0, most).toWellFormed())
		.nullish()
		.catch(null);
const Envelope = z.object({
	event: z.string().min(1).max(100),
	delivery_id: id,
	data: z.object({
		job_request_id: id,
		result_url: Link,
		processing_time_ms: z.number().nonnegative().nullish().catch(null),
		error_code: words(100),
		error_message: words(2000),
	}),
});

export function readHook(text: string): HookMessage | null {
	const envelope = Envelope.safeParse(json(text)).data;
	if (envelope === undefined) return null;
	const { event, delivery_id, data } = envelope;
	return { deliveryId: delivery_id, providerJobId: data.job_request_id, event, news: newsOf(event, data) };
}

function newsOf(event: string, data: z.output<typeof Envelope>["data"]): News | null {
	switch (event) {
		case "job.processing":
			return { state: "processing" };
		case "job.completed":
			return { state: "completed", resultUrl: data.result_url || null, processingMs: data.processing_time_ms ?? null };
		case "job.failed":
			return { state: "failed", code: data.error_code || "provider_failed", message: data.error_message || "deAPI gave no reason" };
		default:
			return null;
	}
}

function json(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
