import { createMiddleware } from "hono/factory";
import type { Deps } from "../deps.ts";
import { dropBytes, dropFiles } from "../files/delete.ts";
import type { StoredFile } from "../files/stored.ts";
import { addFiles, takeUpload } from "../files/upload.ts";
import { parsed } from "./bodies.ts";
import type { Vars } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { isMultipart, readMultipart } from "./multipart.ts";
import { FILE_FIELDS } from "./schemas/uploads.ts";

/**
 * A submit as multipart goes on as if it had come as JSON, with the ids of its files in its input. The files stay where it
 * made a job; else they are deleted again.
 */
export function uploads(deps: Deps) {
	return createMiddleware<Vars>(async (c, next) => {
		const request = c.req.raw;
		if (c.req.method !== "POST" || !isMultipart(request)) return next();
		const { appId } = c.var.caller;
		const files: Files = new Map();
		const body = await bodyOf(deps, appId, request, files).catch(async (e: unknown) => {
			await dropBytes(deps, [...files.values()]);
			throw e;
		});
		await addFiles(deps, appId, [...files.values()], deps.config.fileTtlMs);
		c.req.raw = asJson(request, body);
		await next();
		if (c.res.status === 202 && !c.res.headers.has("idempotent-replayed")) return;
		await forget(deps, appId, [...files.values()], c.res.status);
	});
}

/** After a 5xx the job may stand all the same: then only the rows go, and the sweep judges about the bytes. */
async function forget(deps: Deps, appId: string, stored: StoredFile[], status: number): Promise<void> {
	const ids = stored.map(({ id }) => id);
	try {
		await dropFiles(deps, appId, ids);
		if (status < 500) await dropBytes(deps, stored);
	} catch (err) {
		deps.log.warn({ app: appId, files: ids, err }, "upload.left"); // until they expire
	}
}

type Files = Map<string, StoredFile>;

/** The job as JSON, with the ids of its files, which are added to `files` as they come. */
async function bodyOf(deps: Deps, appId: string, request: Request, files: Files): Promise<string> {
	const texts = await readMultipart(request, {
		fields: ["job"],
		maxFieldBytes: deps.config.submitMaxBytes,
		onFile: async ({ name, filename }, chunks) => {
			const field = name.replace(/^input\./, "");
			if (!FILE_FIELDS.includes(field))
				throw wrong(name, `is not a file of any job (${FILE_FIELDS.join(", ")}); fields of the job go into the part job, as JSON`);
			if (files.has(field)) throw wrong(`input.${field}`, "comes twice");
			files.set(field, await takeUpload(deps, appId, filename, chunks));
		},
	});
	for (const [field, { sizeBytes }] of files) if (sizeBytes === 0) throw wrong(`input.${field}`, "is empty");
	const text = texts.get("job");
	if (text === undefined) throw wrong("job", "is missing: the job as JSON, in a part of this name");
	return JSON.stringify(withFiles(parsed(text, "the part job"), files));
}

const wrong = (field: string, message: string) => validationFailed([{ field, message }]);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function withFiles(job: unknown, files: Files): Record<string, unknown> {
	if (!isObject(job)) throw wrong("job", "must be an object");
	const { input = {} } = job;
	if (!isObject(input)) throw wrong("input", "must be an object");
	const both = [...files.keys()].filter((field) => Object.hasOwn(input, field));
	if (both.length > 0)
		throw validationFailed(both.map((field) => ({ field: `input.${field}`, message: "comes in the job and as a part" })));
	return { ...job, input: { ...input, ...Object.fromEntries([...files].map(([field, { id }]) => [field, id])) } };
}

function asJson(request: Request, body: string): Request {
	const headers = new Headers(request.headers);
	for (const name of ["content-length", "transfer-encoding"]) headers.delete(name);
	headers.set("content-type", "application/json");
	return new Request(request.url, { method: "POST", headers, body, signal: request.signal });
}
