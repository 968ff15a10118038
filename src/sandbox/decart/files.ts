import { type Clock, iso, isoOrNull } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { remember } from "../log.ts";
import { invalid, missing, type Problem, refusal } from "./errors.ts";
import type { Form, Upload } from "./form.ts";

interface Stored {
	account: string;
	upload: Upload;
	createdAt: number;
	/** Null = it stays. */
	expiresAt: number | null;
}

/** The Files API. No route gives a file back, so its bytes are not kept: name, type, size and hash are. */
export interface Files {
	add(account: string, form: Form, maxBytes: number): Response;
	get(account: string, id: string): Response;
	delete(account: string, id: string): Response;
	/** Null = there is none, or none of this account. */
	find(account: string, id: string): Upload | null;
}

const kept = 10_000;
const daySeconds = 86_400;
const maxSeconds = 30 * daySeconds;

export function createFiles(clock: Clock): Files {
	const files = new Map<string, Stored>();

	function lookUp(account: string, id: string): Stored | null {
		const file = files.get(id);
		if (file === undefined || file.account !== account) return null;
		if (file.expiresAt === null || clock.now() < file.expiresAt) return file;
		files.delete(id);
		return null;
	}
	const shown = (id: string, { upload, createdAt, expiresAt }: Stored): Response =>
		Response.json({
			id,
			filename: upload.filename,
			mime_type: upload.type,
			size_bytes: upload.bytes,
			created_at: iso(createdAt),
			expires_at: isoOrNull(expiresAt),
		});

	return {
		add(account, form, maxBytes) {
			const upload = form.get("file");
			const ttl = form.get("ttl_seconds") ?? "";
			const seconds = ttl === "" ? daySeconds : ttl === "persistent" ? null : secondsIn(ttl);
			const problems = [
				...(typeof upload === "object" ? [] : [missing("body", "file")]),
				...(seconds === undefined ? [wrongTtl(typeof ttl === "string" ? ttl : null)] : []),
			];
			if (typeof upload !== "object" || seconds === undefined) return invalid(problems);
			if (upload.bytes > maxBytes) return refusal(413);
			const id = `file_${nonce().replaceAll("-", "")}`;
			const createdAt = clock.now();
			const file = { account, upload, createdAt, expiresAt: seconds === null ? null : createdAt + seconds * 1000 };
			remember(files, id, file, kept, () => true);
			return shown(id, file);
		},
		get(account, id) {
			const file = lookUp(account, id);
			return file === null ? notFound() : shown(id, file);
		},
		delete(account, id) {
			if (lookUp(account, id) === null) return notFound();
			files.delete(id);
			return new Response(null, { status: 204 });
		},
		find: (account, id) => lookUp(account, id)?.upload ?? null,
	};
}

const notFound = (): Response => refusal(404, "File not found");

/** Undefined = not in range, or no number at all. */
function secondsIn(ttl: string | Upload): number | undefined {
	const seconds = typeof ttl === "string" && /^\d+$/.test(ttl) ? Number(ttl) : 0;
	return seconds >= 60 && seconds <= maxSeconds ? seconds : undefined;
}

const wrongTtl = (input: string | null): Problem => ({
	type: "value_error",
	loc: ["body", "ttl_seconds"],
	msg: `Value error, ttl_seconds must be an integer between 60 and ${maxSeconds}, or "persistent"`,
	input,
	ctx: { error: {} },
});
