import { JOB } from "../launch.ts";
import type { AskWish } from "./tools.ts";

type Misuse = [method: string, path: string, wish: AskWish];

/** Requests with secrets where they do not belong, or beside something that is wrong: each is refused. */
export function misuses(
	{ operator, wrong, password, refused, asAnId }: Record<"operator" | "wrong" | "password" | "refused" | "asAnId", string>,
	{ receiver, endpoint }: { receiver: string; endpoint: string },
): Misuse[] {
	const in31 = refused.slice(0, 31);
	return [
		["GET", `/v1/jobs?api_key=${encodeURIComponent(operator)}&limit=${encodeURIComponent(operator)}&cursor=${refused}`, {}],
		["GET", `/v1/jobs/${encodeURIComponent(operator)}`, {}],
		["GET", `/${encodeURIComponent(operator)}`, {}],
		["GET", "/v1/jobs", { key: wrong }],
		["GET", "/v1/jobs", { headers: { authorization: `Basic ${Buffer.from(`u:${refused}`).toString("base64")}` } }],
		["DELETE", `/v1/keys/${encodeURIComponent(asAnId)}`, {}],
		["POST", "/v1/jobs", { body: { ...JOB, api_key: operator } }],
		["POST", "/v1/jobs", { body: { ...JOB, model: 7, webhook_secret: in31, provider: refused } }],
		["POST", "/v1/jobs", { body: { ...JOB, webhook_url: `https://u:${password}@example.com/`, webhook_secret: refused } }],
		["POST", "/v1/jobs", { body: { ...JOB, webhook_url: `no URL ${refused}` } }],
		["POST", "/v1/jobs", { body: `{"webhook_secret":"${refused}" oh` }],
		["POST", "/v1/jobs", { body: refused }],
		["POST", "/v1/jobs", { body: JSON.stringify(JOB), headers: { "content-type": refused } }],
		[
			"POST",
			"/v1/endpoints",
			{ body: { url: `${receiver}/?t=${refused}`, secret: in31, headers: { host: refused, "x-a": `${refused}\n` } } },
		],
		["POST", `/v1/endpoints/${endpoint}/rotate`, { body: { secret: in31, overlap_h: refused } }],
		["PATCH", `/v1/endpoints/${endpoint}`, { body: { headers: { "x-a": [refused] }, retry_schedule: refused, secret: refused } }],
		["POST", "/v1/files", { body: refused, headers: { "content-type": "multipart/form-data; boundary=x" } }],
	];
}
