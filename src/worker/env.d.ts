/** The bindings of wrangler.toml, and the settings that are given as variables or secrets. */
interface Env {
	DB: import("@cloudflare/workers-types").D1Database;
	JOBHOOK_MASTER_KEY: string;
	[setting: string]: unknown;
}
