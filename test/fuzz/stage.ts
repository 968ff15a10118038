import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureApp } from "../../src/access/apps.ts";
import { importKey } from "../../src/access/import-key.ts";
import { createKey, revokeKey, type Scope } from "../../src/access/keys.ts";
import { hyphenated, newId } from "../../src/core/ids.ts";
import { openSqlite, type SqliteDb } from "../../src/node/sqlite.ts";
import { filmClip } from "../../src/sandbox/video.ts";
import { CLIP, EDIT, upload } from "../suite/gateway/decart-tools.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { answer, broken, CALLBACK_SECRET, HOOK_SECRET, KEY, openWorld } from "../support/world.ts";
import { CALLERS, type CallerName } from "./requests.ts";
import { SECRETS } from "./schema.ts";
import { watchRows } from "./touched.ts";
import type { IdWish, Kind } from "./tree.ts";

export interface Caller {
	name: CallerName;
	key: string | null;
	/** Null: let in nowhere. */
	appId: string | null;
}
const TABLES: Record<Kind, string> = {
	...{ job: "jobs", ep: "endpoints", dlv: "deliveries", evt: "events", file: "files", key: "keys" },
	...{ app: "apps", rec: "recoveries", sub: "submissions" },
};
const USED_KEYS =
	"INSERT INTO idempotency_keys SELECT app_id, 'POST /v1/jobs', 'seeded', 'of another request', id, created_at + 604800000 FROM jobs WHERE true GROUP BY app_id";

interface Seed {
	image: Uint8Array;
	blobs: ReadonlyMap<string, Uint8Array>;
	apps: Record<"default" | "a" | "b", string>;
	keys: ReadonlyMap<CallerName, string>;
	now: number;
}
let seed: Promise<Seed> | undefined;

/** A world in which three apps have something of everything, and keys of every scope: a copy of one that is made once. */
export async function openStage() {
	seed ??= sown();
	const { image, blobs, apps, keys: made, now } = await seed;
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-fuzz-"));
	const file = path.join(folder, "jobhook.db");
	writeFileSync(file, image);
	const db = openSqlite(file);
	const world = await openOn(db, now);
	for (const [key, bytes] of blobs) world.blobs.kept.set(key, bytes);
	const keys = new Map(made);
	const statements = new Map<string, ReturnType<typeof db.raw.prepare<unknown[]>>>();
	function prepare(query: string) {
		const statement = statements.get(query) ?? db.raw.prepare<unknown[]>(query);
		statements.set(query, statement);
		return statement;
	}

	/** Of the caller's app, or of the others; null where there is none. */
	function idsOf(kind: IdWish["kind"], whose: IdWish["whose"], appId: string | null): string[] {
		const where = `${kind === "app" ? "id" : "app_id"} ${whose === "own" ? "=" : "<>"} ?`;
		const [column, table] = kind === "provider job" ? ["provider_job_id", "submissions"] : ["id", TABLES[kind]];
		return prepare(`SELECT ${column} FROM ${table} WHERE ${where} AND ${column} IS NOT NULL ORDER BY rowid`)
			.pluck()
			.all(appId ?? "") as string[];
	}

	const nobodys = ({ kind, spelling }: IdWish) => ({
		...spelled(newId(kind === "provider job" ? "job" : kind, world.now()), spelling),
		id: null,
	});
	return {
		...{ world, db: db.raw, prepare, apps, rows: watchRows(db.raw), turn },
		caller: (name: CallerName): Caller => ({
			name,
			key: keys.get(name) ?? null,
			appId: name === "operator" ? apps.default : appOf(apps, name),
		}),
		/** Which app's requests had which ids of others in their bodies: it may be shown what it said itself. */
		told: new Set<string>(),
		/** Makes the key of a caller anew. */
		async keyFor(name: CallerName): Promise<void> {
			const [app, scope] = [appOf(apps, name), name.split(" ")[1]];
			if (app !== null && scope !== "import") keys.set(name, (await createKey(world.deps, app, { name, scopes: [scope as Scope] })).key);
		},
		/** What must be in no answer and no line of the log. */
		secrets: () => [...keys].flatMap(([name, key]) => (name === "not a key" ? [] : [key])).concat(KEPT),
		/** As the wish spells it, and the id that it stands for, where there is one. */
		idOf(wish: IdWish, appId: string | null): { text: string; id: string | null } {
			const ids = idsOf(wish.kind, wish.whose, appId);
			const id = ids[wish.pick % Math.max(1, ids.length)];
			return id === undefined || wish.spelling === "nobody's" ? nobodys(wish) : spelled(id, wish.spelling);
		},
		/** Spelled as the wish says, and of nothing. */
		nobodys,
		async close() {
			await world.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}
export type Stage = Awaited<ReturnType<typeof openStage>>;

const KEPT = [CALLBACK_SECRET, HOOK_SECRET, "sandbox-key", "decart-key", ...Object.values(SECRETS)];
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const appOf = (apps: Seed["apps"], name: string): string | null =>
	Object.entries(apps).find(([app]) => name.startsWith(`${app} `))?.[1] ?? null;

async function openOn(db: SqliteDb, began?: number) {
	db.raw.pragma("synchronous = OFF"); // what a power cut leaves behind is another file's subject
	const env = { REQUESTS_PER_MINUTE: "0", BACKPRESSURE_S: "0", RETRY_DELAYS_S: "5,60,600", RECOVER_PER_S: "1" };
	const knobs = { balance: 1e9, hooks: { autoDisableAfter: null } };
	const world = await openWorld(db, { env, settle: turn, knobs, ...(began !== undefined && { began }) });
	world.onCallback(({ url }) => answer(url.includes("fails.") ? 500 : url.includes("gone.") ? 410 : 200, {}, "seen"));
	world.onDownload(({ url }) => (url.startsWith("https://files.example.com/") ? new Response(CLIP) : null));
	return world;
}

async function sown(): Promise<Seed> {
	const db = freshSqlite();
	const world = await openOn(db);
	const { deps } = world;
	const apps = { default: world.appId, a: (await ensureApp(deps, "a")).id, b: (await ensureApp(deps, "b")).id };
	const keys = new Map<CallerName, string>([
		["operator", KEY],
		["a wrong key", "jh_wrong-key-0123456789"],
		["not a key", "\u00e9 \u00ff"],
	]);
	for (const name of CALLERS) {
		const [app, scope] = [appOf(apps, name), name.split(" ")[1]];
		if (app !== null && scope !== "import") keys.set(name, (await createKey(deps, app, { name, scopes: [scope as Scope] })).key);
	}
	const imported = "second-key-of-the-account";
	await importKey(deps, apps.b, { provider: "deapi", name: "b", scopes: ["submit"], key: imported, webhookSecret: HOOK_SECRET });
	keys.set("b import", imported);
	const lost = await createKey(deps, apps.a, { name: "lost", scopes: ["admin"] });
	await revokeKey(deps, apps.a, lost.id);
	keys.set("revoked", lost.key);
	const ask = (name: CallerName, path: string, body?: object) =>
		world.request(path, {
			method: body === undefined ? "GET" : "POST",
			headers: { authorization: `Bearer ${keys.get(name)}`, ...(body && { "content-type": "application/json" }) },
			...(body && { body: JSON.stringify(body) }),
		});

	for (const name of ["operator", "a admin", "b admin"] as const) await begin(name);
	await world.pass(20_000);
	for (const name of ["operator", "a admin", "b admin"] as const) await leave(name);
	db.raw.exec(USED_KEYS);
	await world.settle();
	const result = { image: db.raw.serialize(), blobs: new Map(world.blobs.kept), apps, keys, now: world.now() };
	await world.close();
	return result;

	/** Jobs that end well and badly, files, endpoints that work and fail. */
	async function begin(name: CallerName): Promise<void> {
		const marked = { prompt: `only ${name} may read this`, width: 512, height: 512, steps: 4 };
		for (const url of ["https://ok.example.com/a?b=c", "https://fails.example.com/", "https://gone.example.com/x"])
			await made(
				ask(name, "/v1/endpoints", { url, secret: SECRETS.endpoint, headers: { Authorization: SECRETS.header }, max_in_flight: 4 }),
			);
		const job = { provider: "deapi", type: "txt2img", model: "Flux1schnell", input: marked, webhook_secret: SECRETS.job };
		for (const host of ["receiver", "fails"])
			await made(ask(name, "/v1/jobs", { ...job, webhook_url: `https://${host}.example.com/hooks` }));
		const words = { type: "txt2embedding", model: "Bge_M3_FP16", input: { input: "words", return_result_in_response: false } };
		await made(ask(name, "/v1/jobs", { provider: "deapi", ...words }));
		if (name === "operator") await made(ask(name, "/v1/jobs", { ...EDIT, input: { prompt: "in snow", data: await upload(world) } }));
		const form = new FormData();
		form.set("file", new Blob([filmClip({ width: 64, height: 64, frames: 2, fps: 4, seed: name })]), `${name}.mp4`);
		await made(world.request("/v1/files", { method: "POST", headers: { authorization: `Bearer ${keys.get(name)}` }, body: form }));
	}
	/** A send of unknown outcome, a job that waits for its provider, one that is not sent yet, a recovery. */
	async function leave(name: CallerName): Promise<void> {
		const job = { provider: "deapi", type: "txt2img", model: "Flux1schnell", input: { prompt: name, width: 512, height: 512, steps: 4 } };
		await made(ask(name, "/v1/jobs", job));
		world.onRequest(({ url }) => (url.includes("/txt2img") ? broken("timeout", false) : null));
		await world.run();
		world.onRequest(() => null);
		await made(ask(name, "/v1/jobs", job));
		await world.run();
		await made(ask(name, "/v1/jobs", job));
		const { data } = (await (await ask(name, "/v1/endpoints")).json()) as { data: { id: string; url: string }[] };
		const failing = data.find(({ url }) => url.includes("fails."));
		await made(ask(name, `/v1/endpoints/${failing!.id}/recover`, { since: "2026-01-01" }));
	}
}

async function made(response: Promise<Response>): Promise<void> {
	const { status, ok } = await response;
	if (!ok) throw new Error(`the stage is not set: ${status} ${await (await response).text()}`);
}

function spelled(id: string, spelling: IdWish["spelling"]): { text: string; id: string | null } {
	const hex = id.slice(id.indexOf("_") + 1);
	switch (spelling) {
		case "hyphens":
			return { text: hyphenated(id), id };
		case "bare":
			return { text: hex, id };
		case "upper":
			return { text: hyphenated(id).toUpperCase(), id };
		case "prefix twice":
			return { text: `${id.slice(0, id.indexOf("_") + 1)}${id}`, id: null };
		case "cut":
			return { text: id.slice(0, -1), id: null };
		case "longer":
			return { text: `${id}0`, id: null };
		case "another kind":
			return { text: `evt_${hex}`, id: id.startsWith("evt_") ? id : null };
		default:
			return { text: id, id };
	}
}
