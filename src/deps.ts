import type { Config } from "./config.ts";
import type { Blobs } from "./core/blobs.ts";
import type { Clock } from "./core/clock.ts";
import type { Http } from "./core/http.ts";
import type { Secretbox } from "./core/secretbox.ts";
import type { Db } from "./db/db.ts";

/** One wide line per unit of work: `noun.past`, ids, outcome, duration, what comes next. No payloads, no secrets. */
export interface Log {
	info(fields: object, what: string): void;
	warn(fields: object, what: string): void;
	error(fields: object, what: string): void;
}

/** A row that falls due at `at`, epoch milliseconds. */
export interface Due {
	kind: "submission" | "delivery" | "recovery";
	id: string;
	at: number;
}

/** Everything the verbs reach the world through. */
export interface Deps {
	config: Config;
	/** How the world reaches us, without a trailing slash: `PUBLIC_URL`, or where we listen. */
	publicUrl: string;
	db: Db;
	blobs: Blobs;
	clock: Clock;
	/** Uniform in [0, 1): jitter, nothing that must be unguessable. */
	random: () => number;
	http: Http;
	secrets: Secretbox;
	/** Work falls due: a hint, may be lost. The sweep is the truth. */
	wake: (...due: Due[]) => void;
	/** Resolves when what `wake` was told is on its way: before anything that waits for that work. */
	woken: () => Promise<void>;
	log: Log;
}
