import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { filmClip } from "../../src/sandbox/video.ts";
import { API_KEY, ROOT } from "../support/launch.ts";
import { provider, receiver, scratch, service } from "../support/process.ts";

const page = readFileSync(path.join(ROOT, "src/http/README.md"), "utf8");
/** `### POST /v1/jobs`, and the examples below it: a shell line, and the variable its answer's `id` goes into. */
const sections = page
	.split(/^### /m)
	.slice(1)
	.map((text) => ({
		route: text.split("\n", 1)[0] ?? "",
		examples: [...text.matchAll(/^```sh ?(\w*)\n([\s\S]*?)^```/gm)].map(([, variable = "", code = ""]) => ({ variable, code })),
	}));

async function shell(code: string, env: Record<string, string>): Promise<{ status: number; body: string }> {
	const child = spawn("bash", ["-c", code.replace("curl -s", "curl -s -w '\\n%{http_code}'")], {
		env: { PATH: process.env["PATH"] ?? "", ...env },
	});
	let out = "";
	child.stdout.on("data", (chunk) => {
		out += chunk;
	});
	await once(child, "close");
	const lines = out.split("\n");
	return { status: Number(lines.pop()), body: lines.join("\n") };
}

it("every documented route has an example on the API page, every example names a route, and each runs as written", async () => {
	const deapi = await provider();
	const jobhook = await service(deapi.env);
	const hooks = await receiver();
	const clip = path.join(scratch(), "clip.mp4");
	writeFileSync(clip, filmClip({ width: 64, height: 64, frames: 4, fps: 4, seed: "a clip" }));
	const document = await jobhook.call<{ paths: Record<string, Record<string, { responses: Record<string, unknown> }>> }>("/openapi.json");
	const documented = Object.entries(document.paths).flatMap(([at, methods]) =>
		Object.keys(methods).map((method) => `${method.toUpperCase()} ${at}`),
	);
	expect(sections.map(({ route }) => route).toSorted()).toEqual(documented.toSorted());

	const env: Record<string, string> = { JOBHOOK: `http://127.0.0.1:${jobhook.port}`, KEY: API_KEY, RECEIVER: hooks.url, CLIP: clip };
	for (const { route, examples } of sections) {
		const [method = "", at = ""] = route.split(" ");
		expect(examples.length, route).toBeGreaterThan(0);
		for (const { variable, code } of examples) {
			const { status, body } = await shell(code, env);
			const answers = Object.keys(document.paths[at]?.[method.toLowerCase()]?.responses ?? {}).map(Number);
			expect(answers, `${route}: ${body}`).toContain(status);
			const keyless = /^\/(hooks|results)/.test(at);
			expect(status < 400 || status === 409 || keyless, `${route} ${status}: ${body}`).toBe(true);
			if (variable === "") continue;
			const answer = JSON.parse(body) as { id?: string; data?: { id: string }[] };
			env[variable] = answer.id ?? answer.data?.[0]?.id ?? "";
			expect(env[variable], `${route}: ${body}`).not.toBe("");
		}
	}
});
