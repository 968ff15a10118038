/// <reference types="@cloudflare/vitest-plugin/types" />
declare namespace Cloudflare {
	interface Env {
		DB: D1Database;
		BLOBS: R2Bucket;
		DUE: Queue;
		JOBHOOK_MASTER_KEY: string;
		JOBHOOK_API_KEY: string;
		TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
	}
}
