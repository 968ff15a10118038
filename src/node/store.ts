import type { Deps } from "../deps.ts";

/** The database of the settings, and all that stands and falls with it. */
export interface Store extends Pick<Deps, "db" | "blobs" | "clock" | "secrets"> {
	/** The path of the file, or the URL without its secrets: as it may be logged. */
	name: string;
	/** Migrations that were applied as it was opened. */
	applied: number;
	/** The same for background work, which leaves connections to requests. */
	background: Pick<Deps, "db" | "blobs">;
	/** Wakes the loops of all other processes on this database. A hint, like every wake. */
	tell(): void;
	/** Calls `wake` when another process tells. */
	hear(wake: () => void): void;
	close(): Promise<void>;
}

export interface Opening {
	/** `migrate`: makes it where there is none, and brings it to this code's schema. `existing`: refuses any other, and writes nothing. */
	schema: "migrate" | "existing";
	/** How long a server that does not answer is waited for. */
	patienceMs: number;
}
