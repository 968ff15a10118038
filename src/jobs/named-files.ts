import { AddressGuard } from "../core/address/guard.ts";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import type { Detail } from "../errors.ts";
import { fileById } from "../files/sql.ts";
import type { StoredFile } from "../files/stored.ts";
import { typeOf } from "../providers/index.ts";
import type { FileField } from "../providers/provider.ts";
import { fileOnceUsed } from "./sql/files.ts";

/** The files that a request names: those that are here, and those that are to be fetched from a URL. */
export interface Inputs {
	files: { field: string; file: StoredFile }[];
	urls: { field: string; url: string }[];
	/** What is wrong with them. A file that is gone is in `files` all the same, where a job has used it. */
	details: Detail[];
}

interface Wish {
	provider: string;
	type: string;
	input: Record<string, unknown>;
}

export const fileFieldsOf = (job: Pick<Wish, "provider" | "type">): readonly FileField[] => typeOf(job)?.files ?? [];

export async function inputsOf(deps: Deps, app: string, wish: Wish): Promise<Inputs> {
	const inputs: Inputs = { files: [], urls: [], details: [] };
	for (const { field, media } of fileFieldsOf(wish)) {
		const value = wish.input[field];
		if (typeof value !== "string") continue;
		const id = value.startsWith("file_") ? parseId("file", value) : null;
		const wrong = id === null ? addUrl(deps, inputs, field, value) : await addFile(deps, inputs, app, { field, media }, id);
		if (wrong !== null) inputs.details.push({ field: `input.${field}`, message: wrong });
	}
	return inputs;
}

function addUrl(deps: Deps, { urls }: Inputs, field: string, url: string): string | null {
	if (!/^https?:/i.test(url))
		return "must be the id of a file (POST /v1/files), an http(s) URL, or a part of this name in a multipart request";
	const objection = new AddressGuard(deps.config, deps.publicUrl).objection(url);
	if (objection === null) urls.push({ field, url });
	return objection;
}

async function addFile(deps: Deps, { files }: Inputs, app: string, { field, media }: FileField, id: string): Promise<string | null> {
	const [file] = await deps.db.read(fileById.bind({ app, file: id, now: deps.clock.now() }));
	const [gone] = file === undefined ? await deps.db.read(fileOnceUsed.bind({ app, file: id })) : [];
	const found = file ?? gone;
	if (found !== undefined) files.push({ field, file: found });
	if (file === undefined) return "names no file of this app, or no longer one: POST /v1/files takes a new one";
	return isOf(media, file.contentType)
		? null
		: `must be ${media === "video" ? "a" : "an"} ${media}; by its bytes this file is ${file.contentType}`;
}

export const isOf = (media: FileField["media"], contentType: string): boolean => contentType.startsWith(`${media}/`);

/** The input with each file as what it is, so that the same bytes under another id are the same request. */
export function sameBytes(input: Record<string, unknown>, { files }: Inputs): Record<string, unknown> {
	return { ...input, ...Object.fromEntries(files.map(({ field, file }) => [field, `sha256:${file.sha256}`])) };
}

/** At once of one app: slow hosts keep only its own jobs waiting, and never all that this process does. */
const FETCHES_OF_AN_APP = 4;

/** Where files wait to be fetched from their URLs. Null: there are none. */
export const inputLaneOf = (appId: string, { urls }: Pick<Inputs, "urls">) =>
	urls.length === 0 ? null : { id: `input/${appId}`, kind: "input" as const, appId, maxInFlight: FETCHES_OF_AN_APP };
