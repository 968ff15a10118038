import type { RowOf } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { alone } from "../lanes/alone.ts";
import { PROVIDERS } from "../providers/index.ts";
import { joinOrphan } from "./record.ts";
import { joinableOrphans, orphansOf } from "./sql/orphans.ts";

/** Two writers can miss each other by moments only; what waits longer is joined when its id is recorded. */
const LOOK_BACK_MS = 900_000;

/** Hooks that the provider sent before our own record of its id was written. */
export async function joinOrphansOf(deps: Deps, of: { provider: string; account: string; providerJob: string }): Promise<void> {
	for (const orphan of await deps.db.read(orphansOf.bind(of))) await join(deps, orphan);
}

export async function joinOrphans(deps: Deps, most = 100): Promise<void> {
	const orphans = await deps.db.read(joinableOrphans.bind({ since: deps.clock.now() - LOOK_BACK_MS }));
	for (const orphan of orphans.slice(0, most)) await alone(deps, { receipt: orphan.id }, () => join(deps, orphan));
}

async function join(deps: Deps, orphan: RowOf<typeof joinableOrphans>): Promise<void> {
	const news = PROVIDERS[orphan.provider]?.readHook?.(orphan.body)?.news ?? null;
	const outcome = await joinOrphan(deps, orphan.id, { receipt: { ...orphan, source: "hook" }, submissionId: null, news });
	deps.log.info({ receipt: orphan.id, delivery: orphan.deliveryId, outcome }, "orphan.joined");
}
