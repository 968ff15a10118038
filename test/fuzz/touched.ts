import type Database from "better-sqlite3";

/** A row that was made, changed or removed. `app`: whose it is; null: nobody's, as a lane of a provider is. */
export interface Touch {
	table: string;
	op: "INSERT" | "UPDATE" | "DELETE";
	id: string;
	app: string | null;
}

/** Triggers that write down every change of a row; one that leaves the row as it was is none. Models are read again, and cached, behind any answer. */
export function watchRows(db: Database.Database) {
	const triggers = ["CREATE TEMP TABLE touched (tab TEXT, op TEXT, id TEXT, app TEXT)"];
	const tables = db
		.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'cache' AND name NOT LIKE 'sqlite_%'")
		.pluck()
		.all() as string[];
	for (const table of tables) {
		const columns = db.pragma(`table_info(${table})`) as { name: string; pk: number }[];
		const names = columns.map(({ name }) => name);
		const key = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
		if (key.length === 0) continue;
		const differs = names.map((name) => `OLD.${name} IS NOT NEW.${name}`).join(" OR ");
		for (const [op, row, when] of [
			["INSERT", "NEW", ""],
			["UPDATE", "NEW", `WHEN ${differs}`],
			["DELETE", "OLD", ""],
		] as const) {
			const app = names.includes("app_id") ? `${row}.app_id` : table === "apps" ? `${row}.id` : "NULL";
			const id = key.map((name) => `${row}.${name}`).join(" || '/' || ");
			const body = `INSERT INTO touched VALUES ('${table}', '${op}', ${id}, ${app})`;
			triggers.push(`CREATE TEMP TRIGGER touched_${table}_${op} AFTER ${op} ON main.${table} ${when} BEGIN ${body}; END`);
		}
	}
	db.exec(triggers.join(";"));
	const read = db.prepare("SELECT tab AS 'table', op, id, app FROM touched");
	const clear = db.prepare("DELETE FROM touched");
	return {
		/** Since the last look; a row that came and went is not among them. */
		look(): Touch[] {
			const touches = read.all() as Touch[];
			if (touches.length === 0) return [];
			clear.run();
			const at = ({ table, id }: Touch) => `${table} ${id}`;
			const gone = new Set(touches.filter(({ op }) => op === "DELETE").map(at));
			const made = new Set(touches.filter(({ op }) => op === "INSERT").map(at));
			return touches.filter((touch) => !(gone.has(at(touch)) && made.has(at(touch))));
		},
	};
}
