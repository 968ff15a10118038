import { sql } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { vi } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Callback, World } from "../../support/world.ts";

const takes = (verify: () => unknown): boolean => {
	try {
		verify();
		return true;
	} catch {
		return false;
	}
};

/** Whether the official packages take a callback under a secret, at the moment at which it came. They must agree. */
export function verifiedBy(secret: string, { headers, body, atMs }: Callback): boolean {
	const clock = vi.spyOn(Date, "now").mockReturnValue(atMs); // they know no other
	try {
		const standard = takes(() => new Webhook(secret).verify(body, headers));
		const svix = takes(() => new SvixWebhook(secret).verify(body, headers));
		if (standard !== svix) throw new Error(`standardwebhooks: ${standard}, svix: ${svix}`);
		return standard;
	} finally {
		clock.mockRestore();
	}
}

const spoil = compileSql<{ endpoint: string; old: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE endpoints SET old_secrets = ${p.old} WHERE id = ${p.endpoint} RETURNING id`,
);
/** What an endpoint keeps of the secrets before is another one's, which does not open there. */
export async function spoilOldSecrets(world: World, endpoint: string): Promise<void> {
	const secret = world.deps.secrets.seal("x".repeat(32), { table: "endpoints", column: "secret", row: "another", app: world.appId });
	const old = JSON.stringify([{ secret, until: world.now() + 3_600_000 }]);
	await world.deps.db.batch([spoil.bind({ endpoint, old })]);
}
