import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type postgres from "postgres";
import { UnfitDatabase } from "./migrate.ts";
import { Refused } from "./refused.ts";

/** What a schema has been through: name, SHA-256 of the file, when. */
const LOG = "jobhook_migrations";
/** Another process may have much to migrate. */
const WAIT_MS = 300_000;
/** A table that a client holds for long: whoever waits for it makes all others wait, too. */
const LOCK_MS = 10_000;

interface Migration {
	name: string;
	hash: string;
	text: string;
}
interface Place {
	role: string;
	database: string;
	/** Where tables are made: the first schema of the search path that is there. */
	schema: string | null;
	/** Where the search path finds the record; null before the first migration. */
	found: string | null;
	encoding: string;
}

/**
 * Brings the schema that the role's search path names to this code's tables, in one transaction: of several processes that
 * start together one migrates, and the others wait and find nothing to do. A role that may only read and write rows will do
 * where nothing is due. Returns how many migrations were applied.
 */
export async function migratePostgres(sql: postgres.Sql, folder: string): Promise<number> {
	const migrations = read(folder);
	let place: Place | undefined;
	try {
		return await sql.begin(async (tx) => {
			await tx.unsafe(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = ${WAIT_MS}`);
			await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`${LOG} `} || coalesce(current_schema(), ''), 0))`;
			await tx.unsafe(`SET LOCAL lock_timeout = ${LOCK_MS}`);
			place = await placeOf(tx);
			mustSuit(place);
			return await apply(tx, place, migrations);
		});
	} catch (e) {
		throw inWords(e, place);
	}
}

function read(folder: string): Migration[] {
	const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
	return files.sort().map((file) => {
		const text = readFileSync(path.join(folder, file), "utf8");
		return { name: path.basename(file, ".sql"), hash: createHash("sha256").update(text).digest("hex"), text };
	});
}

async function placeOf(tx: postgres.TransactionSql): Promise<Place> {
	const [place] = await tx<[Place]>`SELECT current_user AS role, current_database() AS database, current_schema() AS schema,
		(SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass(${LOG})) AS found,
		current_setting('server_encoding') AS encoding`;
	return place;
}

function mustSuit({ role, database, schema, found, encoding }: Place): void {
	if (encoding !== "UTF8") throw new Refused(`the database ${database} is encoded in ${encoding}: make one with ENCODING 'UTF8'`);
	if (schema === null)
		throw new Refused(`the search path of the role ${role} names no schema that is there: make one, or set another path`);
	if (found !== null && found !== schema)
		throw new UnfitDatabase(
			`the tables are in the schema ${found}, and new ones would be made in ${schema}: set the search path of the role ${role} to one of them`,
		);
}

async function apply(tx: postgres.TransactionSql, { found }: Place, migrations: Migration[]): Promise<number> {
	const rows = found === null ? [] : await tx<{ name: string; sha256: string }[]>`SELECT name, sha256 FROM ${tx(LOG)}`;
	const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
	compare(applied, migrations);
	const due = migrations.filter(({ name }) => !applied.has(name));
	if (found === null && due.length > 0)
		await tx.unsafe(
			`CREATE TABLE ${LOG} (name text COLLATE "C" PRIMARY KEY, sha256 text COLLATE "C" NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
		);
	for (const { name, hash, text } of due) {
		await tx.unsafe(text);
		await tx`INSERT INTO ${tx(LOG)} (name, sha256) VALUES (${name}, ${hash})`;
	}
	return due.length;
}

/** `applied`: hash by name; names sort in the order they were written in. Says what the migrator of SQLite says. */
function compare(applied: ReadonlyMap<string, string>, migrations: Migration[]): void {
	const last = [...applied.keys()].sort().at(-1) ?? "";
	if (last > (migrations.at(-1)?.name ?? ""))
		throw new UnfitDatabase(
			"the database is newer than this jobhook: start the version that wrote it, or restore a backup made before the upgrade",
		);
	for (const { name, hash } of migrations) {
		const found = applied.get(name);
		if (found !== undefined && found !== hash)
			throw new UnfitDatabase(`the migration ${name} was changed after it was applied to this database: restore it as it was`);
		if (found === undefined && name < last)
			throw new UnfitDatabase(
				`the migration ${name} was never applied to this database, and later ones were: restore a backup made before them`,
			);
	}
	const known = new Set(migrations.map(({ name }) => name));
	if ([...applied.keys()].some((name) => !known.has(name)))
		throw new UnfitDatabase("the database has a migration that this jobhook does not know: start the version that wrote it");
}

/** What an operator can put right, in one line. */
function inWords(e: unknown, place: Place | undefined): unknown {
	const { code, message } = e as { code?: string; message: string };
	const where = `the schema ${place?.schema} of the database ${place?.database}`;
	switch (code) {
		case "42P07": // a table, an index or a view of that name is there
		case "42710":
			return new UnfitDatabase(`${where} is in use by another program (${message}): give jobhook a schema or a database of its own`);
		case "42501":
			return new Refused(
				`the role ${place?.role} may not migrate ${where} (${message}): grant it the right, or run \`jobhook migrate\` as their owner`,
			);
		case "25006":
			return new Refused(`${where} can only be read: connect to the primary server (${message})`);
		case "55P03":
			return new Refused(
				place === undefined
					? `another process has been migrating this database for ${WAIT_MS / 60_000} minutes: try again when it is done`
					: `a table of ${where} was locked by another client for ${LOCK_MS / 1000} s: try again`,
			);
		default:
			return e;
	}
}
