import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { deleteFile, dropBytes } from "../files/delete.ts";
import { listFiles, readFile } from "../files/read.ts";
import type { StoredFile } from "../files/stored.ts";
import { addFiles, takeUpload } from "../files/upload.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { listed, listOf, pageOf, pageParams } from "./list.ts";
import { isMultipart, readMultipart } from "./multipart.ts";
import { FileBody, TTL_MAX_S, TTL_MIN_S, uploadForm } from "./schemas/files.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const TTL_MAX_BYTES = 100;

const params = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });
const uploadRoute = createRoute({
	method: "post",
	path: "/v1/files",
	security,
	request: { body: { required: true, content: uploadForm } },
	responses: {
		201: json(FileBody, "The file is on disk: jobs may name it by its id"),
		400: failure("A multipart body that is broken"),
		401: failure("No key"),
		413: failure("Too large"),
		415: failure("Not multipart/form-data"),
		422: failure("A part is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});
const readRoute = createRoute({
	method: "get",
	path: "/v1/files/{id}",
	security,
	request: { params },
	responses: { 200: json(FileBody, "The file"), 401: failure("No key"), 404: failure("No such file of this app, or no longer") },
});
const listRoute = createRoute({
	method: "get",
	path: "/v1/files",
	security,
	request: { query: z.object(pageParams("file")) },
	responses: {
		200: json(listOf(FileBody, "Files"), "Files that jobs may name, newest first"),
		401: failure("No key"),
		422: failure("A cursor or limit that is none"),
	},
});
const deleteRoute = createRoute({
	method: "delete",
	path: "/v1/files/{id}",
	security,
	request: { params },
	responses: {
		204: { description: "No new job may name it; those that do keep it" },
		401: failure("No key"),
		404: failure("No such file of this app"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

export function mountFiles(app: App, deps: Deps): void {
	app.openapi(uploadRoute, async (c) => {
		const { appId } = c.var.caller;
		const { file, ttlMs } = await uploadIn(deps, appId, c.req.raw);
		const [added] = await addFiles(deps, appId, [file], ttlMs);
		if (added === undefined) throw new JobhookError("internal", "a file was stored and is not there");
		return c.json(added, 201);
	});
	app.openapi(readRoute, async (c) => {
		const id = parseId("file", c.req.valid("param").id);
		const file = id === null ? null : await readFile(deps, c.var.caller.appId, id);
		if (file === null) throw noFile();
		return c.json(file, 200);
	});
	app.openapi(listRoute, async (c) => {
		const page = pageOf("file", c.req.valid("query"));
		return c.json(listed(await listFiles(deps, c.var.caller.appId, page), page), 200);
	});
	app.openapi(deleteRoute, async (c) => {
		const id = parseId("file", c.req.valid("param").id);
		if (id === null || !(await deleteFile(deps, c.var.caller.appId, id))) throw noFile();
		return c.body(null, 204);
	});
}

const noFile = () => new JobhookError("not_found", "this app has no file of that id, or no longer");
const wrongFile = (message: string) => validationFailed([{ field: "file", message }]);

/** The one file of a request, in the store. */
async function uploadIn(deps: Deps, appId: string, request: Request): Promise<{ file: StoredFile; ttlMs: number }> {
	if (!isMultipart(request)) throw new JobhookError("unsupported_media_type", "send multipart/form-data with a part `file`");
	let taken: StoredFile | undefined;
	try {
		return await read();
	} catch (e) {
		await dropBytes(deps, taken === undefined ? [] : [taken]);
		throw e;
	}

	async function read() {
		const texts = await readMultipart(request, {
			fields: ["ttl_seconds"],
			maxFieldBytes: TTL_MAX_BYTES,
			onFile: async ({ name, filename }, chunks) => {
				if (name !== "file")
					throw validationFailed([{ field: name, message: "is not a part of this request: the file goes into a part named file" }]);
				if (taken !== undefined) throw wrongFile("comes twice: one file a request");
				taken = await takeUpload(deps, appId, filename, chunks);
			},
		});
		const file = taken as StoredFile | undefined; // TypeScript does not see that it was called
		if (file === undefined) throw wrongFile("is missing");
		if (file.sizeBytes === 0) throw wrongFile("is empty");
		return { file, ttlMs: ttlOf(texts.get("ttl_seconds")) ?? deps.config.fileTtlMs };
	}
}

function ttlOf(text: string | undefined): number | null {
	if (text === undefined) return null;
	const seconds = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
	if (seconds >= TTL_MIN_S && seconds <= TTL_MAX_S) return seconds * 1000;
	throw validationFailed([{ field: "ttl_seconds", message: `must be a whole number from ${TTL_MIN_S} to ${TTL_MAX_S}` }]);
}
