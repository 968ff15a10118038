import { and, desc, eq, sql } from "drizzle-orm";
import { iso } from "../core/clock.ts";
import { DEFAULT_APP } from "../core/default-app.ts";
import { newId } from "../core/ids.ts";
import { placeOfAppSecret } from "../core/places.ts";
import { newSigningSecret } from "../core/signature.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { inPage, type Page, type PageSlots, valuesOf } from "../db/page.ts";
import { type Rotated, rotateRow } from "../db/rotate.ts";
import { apps } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";

/** Letters, digits, dots, - and _, so that a name needs no quotes anywhere. */
export const APP_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

const insertApp = insertRow(apps, { orIgnore: true });
const appByName = compile((p: Slots<{ name: string }>) =>
	q.select({ id: apps.id, name: apps.name }).from(apps).where(eq(apps.name, p.name)),
);
const appsOf = compile((p: PageSlots) =>
	q
		.select({ id: apps.id, name: apps.name, createdAt: apps.createdAt })
		.from(apps)
		.where(inPage(apps.id, p))
		.orderBy(desc(apps.id))
		.limit(sql.placeholder("rows")),
);
const setSecret = compile((p: Slots<{ app: string; secret: string }>) =>
	q.update(apps).set({ callbackSecret: p.secret, oldSecrets: null }).where(eq(apps.id, p.app)).returning({ id: apps.id }),
);
const secretsOf = compile((p: Slots<{ app: string }>) =>
	q.select({ secret: apps.callbackSecret, oldSecrets: apps.oldSecrets }).from(apps).where(eq(apps.id, p.app)),
);
/** Only over the one that was seen: a rotation that came in between is not lost. */
const replaceSecret = compile((p: Slots<{ app: string; seen: string; secret: string; oldSecrets: string | null }>) =>
	q
		.update(apps)
		.set({ callbackSecret: p.secret, oldSecrets: sql`${p.oldSecrets}` })
		.where(and(eq(apps.id, p.app), eq(apps.callbackSecret, p.seen)))
		.returning({ id: apps.id }),
);

type Ports = Pick<Deps, "db" | "clock" | "secrets">;

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
	const callbackSecret = deps.secrets.seal(newSigningSecret(), placeOfAppSecret(id));
	const [inserted] = await deps.db.batch([insertApp.bind({ id, name, callbackSecret, oldSecrets: null, createdAt: now })]);
	const app = await findApp(deps, name);
	if (app === null) throw new Error(`the app ${name} was just made and is not there`);
	return { id: app.id, created: inserted.length > 0 };
}

/** Makes an app. Its callback secret is in this answer and never shown again. Null when the name is taken. */
export async function createApp(deps: Ports, name: string) {
	const now = deps.clock.now();
	const id = newId("app", now);
	const secret = newSigningSecret();
	const [inserted] = await deps.db.batch([
		insertApp.bind({ id, name, callbackSecret: deps.secrets.seal(secret, placeOfAppSecret(id)), oldSecrets: null, createdAt: now }),
	]);
	return inserted.length === 0 ? null : { id, name, created_at: iso(now), callback_secret: secret };
}

/** All apps, newest first; one more than the page shows. */
export async function listApps(deps: Pick<Deps, "db">, page: Page) {
	const rows = await deps.db.read(appsOf.bind(valuesOf("", page)));
	return rows.map(({ id, name, createdAt }) => ({ id, name, created_at: iso(createdAt) }));
}

/** The one secret that signs the callbacks of an app's jobs, from the next attempt on: those before it end. False when there is no such app. */
export async function setCallbackSecret(deps: Ports, appId: string, secret: string): Promise<boolean> {
	const [changed] = await deps.db.batch([setSecret.bind({ app: appId, secret: deps.secrets.seal(secret, placeOfAppSecret(appId)) })]);
	return changed.length > 0;
}

/**
 * Gives an app a new callback secret, in this answer and never shown again; the one it replaces signs beside it for the
 * overlap, the setting's where none is given. Null when there is no such app. `not_possible` where no more may sign, and
 * where a setting holds the secret, for the next start would bring that one back.
 */
export async function rotateCallbackSecret(
	deps: Ports & Pick<Deps, "config" | "log">,
	appId: string,
	overlapMs = deps.config.secretOverlapMs,
): Promise<{ callback_secret: string; previous_secrets: { expires_at: string }[] } | null> {
	if (deps.config.callbackSecret !== undefined && (await findApp(deps, DEFAULT_APP))?.id === appId)
		throw new JobhookError(
			"not_possible",
			`JOBHOOK_CALLBACK_SECRET holds the secret of the app ${DEFAULT_APP}: change it there and start again, or remove it and rotate`,
		);
	const secret = newSigningSecret();
	const row: Rotated = {
		place: placeOfAppSecret(appId),
		read: secretsOf.bind({ app: appId }),
		write: (values) => replaceSecret.bind({ app: appId, ...values }),
	};
	const rotated = await rotateRow(deps, row, { secret, overlapMs });
	if (rotated === null) return null;
	deps.log.info({ app: appId, overlap_ms: overlapMs, active: rotated.old.length + 1 }, "callback_secret.rotated");
	return { callback_secret: secret, previous_secrets: rotated.old.map(({ until }) => ({ expires_at: iso(until) })) };
}
