import { iso, isoOrNull } from "../core/clock.ts";
import { resultLink } from "../core/result-link.ts";
import type { RowOf } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import { inputOf } from "./blobs.ts";
import { jobById } from "./sql/read.ts";

type Ports = Pick<Deps, "db" | "blobs" | "secrets" | "publicUrl" | "config" | "clock" | "log">;
type Listed = Omit<RowOf<typeof jobById>, "input" | "inputBlob">;

/** A job as the API shows it. Null when this app has none of that id. */
export async function readJob(deps: Ports, appId: string, jobId: string) {
	const [row] = await deps.db.read(jobById.bind({ app: appId, job: jobId }));
	if (row === undefined) return null;
	const input = await inputOf(deps, row).catch((e: unknown) => {
		if (!isUnavailable(e)) throw e;
		return null; // how it goes is to be seen all the same
	});
	return showJob(deps, row, input);
}

/** A row as the API shows it, with the input it names or holds. */
export function showJob(
	deps: Pick<Deps, "secrets" | "publicUrl" | "config" | "clock">,
	row: Listed,
	input: Record<string, unknown> | null,
) {
	const { id, state, provider, type, model, ...rest } = showWithoutInput(deps, row);
	return { id, state, provider, type, model, input, ...rest };
}
export type Job = ReturnType<typeof showJob>;

/** As it stands in a list. */
export function showWithoutInput(deps: Pick<Deps, "secrets" | "publicUrl" | "config" | "clock">, row: Listed) {
	const link = () => resultLink(deps.secrets, deps.publicUrl, row.id, deps.clock.now() + deps.config.resultLinkMs);
	return {
		id: row.id,
		state: row.state,
		provider: row.provider,
		type: row.type,
		model: row.model,
		metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, unknown>),
		webhook_url: row.webhookUrl,
		webhook_events: row.webhookEvents === null ? null : (JSON.parse(row.webhookEvents) as string[]),
		revision: row.revision,
		result_url: row.state === "completed" ? link() : null,
		error: row.errorCode === null ? null : { code: row.errorCode, message: row.errorMessage ?? "" },
		created_at: iso(row.createdAt),
		started_at: isoOrNull(row.startedAt),
		ended_at: isoOrNull(row.endedAt),
	};
}
