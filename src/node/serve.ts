import { createKey } from "../access/keys.ts";
import { loadConfig } from "../config.ts";
import { compile, q } from "../db/compile.ts";
import { keys } from "../db/schema.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { startSandboxed } from "./sandboxed.ts";

const anyKey = compile(() => q.select({ id: keys.id }).from(keys).limit(1));

/** The service, until SIGTERM or SIGINT. */
export async function serve(env: Record<string, string | undefined>): Promise<void> {
	// the first process of a container is not ended by a signal it does not listen for, and the start may wait for its database
	let stop = async () => {};
	for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop().then(() => process.exit(0)));
	const { config, sandbox } = loadConfig(env).sandbox ? await startSandboxed(env) : { config: loadConfig(env), sandbox: null };
	let gateway: Gateway;
	try {
		gateway = await startGateway(config);
	} catch (e) {
		await sandbox?.close();
		throw e;
	}
	stop = async () => {
		await gateway.stop();
		await sandbox?.close();
	};
	if (sandbox) gateway.deps.log.info({ url: sandbox.url }, "sandbox.started");
	await offerFirstKey(gateway);
}

/** A key is shown to a person at a terminal only; a log says how to make one. */
async function offerFirstKey({ deps, appId }: Gateway): Promise<void> {
	const [existing] = await deps.db.read(anyKey.bind({}));
	if (existing !== undefined || deps.config.apiKey !== undefined) return;
	if (!process.stdout.isTTY) return deps.log.warn({}, "no API key yet: make one with `jobhook keys create`, or set JOBHOOK_API_KEY");
	const { key } = await createKey(deps, appId, { name: "first", scopes: ["admin"] });
	console.log(`\nYour API key, shown this once:  ${key}\n`);
}
