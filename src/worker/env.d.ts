/** The bindings of wrangler.toml, and the settings that are given as variables or secrets. */
interface Env {
	DB: import("@cloudflare/workers-types").D1Database;
	BLOBS: import("@cloudflare/workers-types").R2Bucket;
	DUE: import("@cloudflare/workers-types").Queue;
	JOBHOOK_MASTER_KEY: string;
	[setting: string]: unknown;
}
