import { eq } from "drizzle-orm";
import { newId } from "../core/ids.ts";
import { newSigningSecret } from "../core/signature.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { apps } from "../db/schema.ts";
import type { Deps } from "../deps.ts";

export const DEFAULT_APP = "default";

const insertApp = insertRow(apps, { orIgnore: true });
const appByName = compile((p: Slots<{ name: string }>) =>
	q.select({ id: apps.id, name: apps.name }).from(apps).where(eq(apps.name, p.name)),
);
const setSecret = compile((p: Slots<{ app: string; secret: string }>) =>
	q.update(apps).set({ callbackSecret: p.secret }).where(eq(apps.id, p.app)).returning({ id: apps.id }),
);

type Ports = Pick<Deps, "db" | "clock" | "secrets">;
const place = (app: string) => ({ table: "apps", column: "callback_secret", row: app, app });

export async function findApp(deps: Pick<Deps, "db">, name: string): Promise<{ id: string; name: string } | null> {
	const [row] = await deps.db.read(appByName.bind({ name }));
	return row ?? null;
}

/** The app `default` is made at the first start. */
export const ensureDefaultApp = (deps: Ports) => ensureApp(deps, DEFAULT_APP);

/** The app of a name, made with a callback secret of its own where there is none; of several that ask at once one makes it. */
export async function ensureApp(deps: Ports, name: string): Promise<{ id: string; created: boolean }> {
	const found = await findApp(deps, name);
	if (found !== null) return { id: found.id, created: false };
	const now = deps.clock.now();
	const id = newId("app", now);
	const callbackSecret = deps.secrets.seal(newSigningSecret(), place(id));
	const [inserted] = await deps.db.batch([insertApp.bind({ id, name, callbackSecret, createdAt: now })]);
	const app = await findApp(deps, name);
	if (app === null) throw new Error(`the app ${name} was just made and is not there`);
	return { id: app.id, created: inserted.length > 0 };
}

/** Replaces the secret that signs the callbacks of an app's jobs. */
export async function setCallbackSecret(deps: Ports, appId: string, secret: string): Promise<void> {
	await deps.db.batch([setSecret.bind({ app: appId, secret: deps.secrets.seal(secret, place(appId)) })]);
}
