import { randomBytes } from "node:crypto";
import type { Config } from "../config.ts";
import { startGateway } from "../node/gateway.ts";
import { startWorker } from "../node/worker.ts";
import { sandboxedSettings } from "../node/worker-config.ts";

export interface Engine {
	url: string;
	stop(): Promise<void>;
}

/** What the same service runs on. Each leaves nothing behind when it is stopped. */
export const ENGINES: Readonly<Record<string, (config: Config) => Promise<Engine>>> = {
	/** Node and a SQLite file. */
	sqlite: (config) => startGateway(config),
	/** Workers, D1, queue and bucket, in workerd on this machine. */
	worker: (config) => startWorker({ settings: { ...sandboxedSettings(config), JOBHOOK_MASTER_KEY: randomBytes(32).toString("base64") } }),
};
