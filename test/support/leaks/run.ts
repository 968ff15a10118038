import { createHash, randomBytes } from "node:crypto";
import { expect, vi } from "vitest";
import { startSandbox } from "../../../src/node/sandbox.ts";
import { hookHeaders } from "../../../src/sandbox/deapi/envelope.ts";
import { drawPicture } from "../../../src/sandbox/picture.ts";
import { JOB } from "../launch.ts";
import { echoProvider, echoReceiver, signedWith } from "./echoes.ts";
import { misuses } from "./misuses.ts";
import { loudService } from "./process.ts";
import { type Json, toolsOf } from "./tools.ts";
import { type Haystack, type Place, random, type Vault } from "./vault.ts";

/** Where everything is kept, and how to break it. */
export interface Engine {
	/** DATABASE_URL. */
	url: string;
	/** Beside the service. */
	sql(text: string): Promise<void>;
	/** Makes the table `endpoints` refuse rows with a description, as a constraint does. */
	refuseDescriptions: string;
	/** Nothing can be read or written, until `up`. */
	down(): Promise<void>;
	up(): Promise<void>;
	/** All rows, files and blobs as they are. */
	dump(): Promise<Haystack[]>;
	/** Also commands that only read, copy or are mistaken: they do the same on every engine. */
	everyCommand: boolean;
	/** Where a backup goes. */
	copy: string;
}

/** A user's own URL is shown to whoever may read the job or the endpoint, and stands in its row. */
const IN_A_URL: readonly Place[] = ["answer", "stdout", "database"];
/** Events carry the link to receivers; for 7 days it opens one result. */
const LINK: readonly Place[] = ["answer", "stdout", "database"];
const IMPORT = ["keys", "import", "--provider", "deapi"];
const whsec = () => `whsec_${randomBytes(32).toString("base64")}`;
const soon = { timeout: 20_000, interval: 25 };

/** Uses every kind of secret there is, well and badly. Resolves with all that was said and written meanwhile. */
export async function fullRun(engine: Engine, vault: Vault): Promise<Haystack[]> {
	const heap: Haystack[] = [];
	const keep = (where: Place, what: string, text: string) => void heap.push({ where, what, bytes: Buffer.from(text) });

	const provider = { deapi: vault.make("DEAPI_API_KEY", (r) => `17|${r}`), decart: vault.make("DECART_API_KEY", (r) => `dct_${r}`) };
	const imported = { key: vault.make("an imported provider key", (r) => `18|${r}`), secret: vault.make("its webhook secret") };
	const [hookSecret, otherHookSecret] = [vault.make("DEAPI_WEBHOOK_SECRET"), vault.make("DEAPI_WEBHOOK_SECRET, the second")];
	const master = [vault.add("JOBHOOK_MASTER_KEY", randomBytes(32)), vault.add("JOBHOOK_MASTER_KEY, the next", randomBytes(32))] as const;
	const operator = vault.make("JOBHOOK_API_KEY", (r) => `op"<${r}`);
	const appSecret = vault.add("JOBHOOK_CALLBACK_SECRET", whsec());

	const sandbox = await startSandbox({
		port: 0,
		apiKeys: [provider.deapi, imported.key],
		webhookSecret: hookSecret,
		webhookUrl: null,
		timeFactor: 0.02,
		knobs: { balance: 1e6 },
		decart: { apiKeys: [provider.decart] },
	});
	const [cloud, receiver, service] = [await echoProvider(sandbox.url), await echoReceiver(), await loudService()];
	const env = (masterKeys: readonly Buffer[]): Record<string, string> => ({
		PATH: process.env["PATH"] ?? "",
		DATABASE_URL: engine.url,
		LOG_LEVEL: "debug",
		JOBHOOK_API_KEY: operator,
		JOBHOOK_CALLBACK_SECRET: appSecret,
		JOBHOOK_MASTER_KEY: masterKeys.map((key) => key.toString("base64")).join(","),
		DEAPI_BASE_URL: cloud.url,
		DEAPI_API_KEY: provider.deapi,
		DEAPI_WEBHOOK_SECRET: `${hookSecret},${otherHookSecret}`,
		DECART_BASE_URL: cloud.url,
		DECART_API_KEY: provider.decart,
		CALLBACK_ALLOW: "127.0.0.0/8",
		RETRY_DELAYS_S: "0,0,0",
		SWEEP_EVERY_S: "1",
		REQUESTS_PER_MINUTE: "0",
	});

	const { command, ask } = toolsOf({ vault, keep, url: service.url, key: operator, env: () => env([master[0]]) });
	const submit = async (wish: Json, key = operator) => (await ask("POST", "/v1/jobs", { key, body: { ...JOB, ...wish } })).id;
	const ended = (jobs: string[], key = operator) =>
		vi.waitFor(async () => {
			for (const job of jobs) expect((await ask("GET", `/v1/jobs/${job}`, { key })).json["ended_at"], job).not.toBe(null);
		}, soon);

	// keys, apps and secrets of the commands
	const ofCli = await command(["keys", "create", "--init"], { shown: "key", name: "a key of the command" });
	const started = service.start(env([master[0]]));
	const firstOfOther = await command(["apps", "create", "other"], { shown: "callback_secret", name: "an app's secret of the command" });
	const importing = [...IMPORT, "--key-stdin", "--webhook-secret-stdin", "--app", "other"];
	const [keyOfOther, nextOfOther] = await Promise.all([
		command(["keys", "create", "--app", "other"], { shown: "key", name: "a key of another app" }),
		command(["secrets", "rotate", "--app", "other"], { shown: "callback_secret", name: "an app's secret, rotated by the command" }),
		command(importing, { input: `${imported.key}\n${imported.secret}\n` }),
		started.then((how) => expect(how).toBe("up")),
	]);
	/** Each says what is wrong, and not with what. */
	const mistaken = async (args: string[], more: Record<string, string>, says: RegExp, secret: string) => {
		await command(args, { more });
		expect(String(heap.findLast(({ where, what }) => where === "stderr" && what === vault.mask(args.join(" ")))?.bytes)).toMatch(says);
		vault.use(vault.nameOf(secret));
	};
	const mistakes = () => {
		const short = vault.add("a key that is too short", "short-0123456");
		const none = vault.make("a password of a URL that is none", noSlash);
		const lost = vault.make("a password of a server that is not there", noSlash);
		return [
			mistaken(["keys", "revoke", ofCli], {}, /has no key/, ofCli),
			mistaken([...IMPORT, "--key-env", imported.key], {}, /variable that --key-env names is not set/, imported.key),
			mistaken(["jobs", "list"], { JOBHOOK_API_KEY: short }, /JOBHOOK_API_KEY must have/, short),
			mistaken(["keys", "list"], { DATABASE_URL: `postgres://u:${none}/half@127.0.0.1:1/x` }, /DATABASE_URL must be/, none),
			mistaken(["apps", "list"], { DATABASE_URL: `postgres://u:${lost}@127.0.0.1:1/x` }, /127.0.0.1:1/, lost),
		];
	};
	const making = engine.everyCommand ? mistakes() : []; // beside the rest

	// the same over HTTP
	const made = await ask("POST", "/v1/keys", { body: { name: "made", scopes: ["admin"] }, shown: "key", name: "a key of the API" });
	const third = await ask("POST", "/v1/apps", { body: { name: "third" }, shown: "callback_secret", name: "an app's secret of the API" });
	const rotated = await ask("POST", `/v1/apps/${third.id}/rotate`, {
		body: {},
		shown: "callback_secret",
		name: "an app's secret, rotated",
	});
	const keyOfThird = await command(["keys", "create", "--app", "third"], { shown: "key", name: "a key of a third app" });
	const endpoints = await Promise.all(
		["json", "php", "url", "html", "plain"].map(async (spelling, i) => {
			const token = vault.make(`a token in an endpoint's URL (${spelling})`, encodeURIComponent, IN_A_URL);
			const secret = vault.add(`an endpoint's secret, given (${spelling})`, i === 4 ? random() + random() + random() : whsec());
			const headers = {
				authorization: vault.make(`an endpoint's Authorization (${spelling})`, (r) => `Bearer ${r}`),
				"x-door": vault.make(`another header of an endpoint (${spelling})`, (r) => `"<&>\\'${r}`),
			};
			const event_types = ["job.completed", "job.failed"];
			const body = { url: `${receiver.url}/${spelling}?token=${token}`, secret, headers, event_types };
			const { id, status } = await ask("POST", "/v1/endpoints", { body, shown: "secret", name: "known already" });
			expect(status).toBe(201);
			return { id, spelling, token, secret, headers };
		}),
	);
	const [first] = endpoints as [(typeof endpoints)[number]];
	const own = await ask("POST", "/v1/endpoints", {
		body: { url: `${receiver.url}/php`, event_types: ["job.failed"] },
		...{ shown: "secret", name: "an endpoint's secret, made" },
	});
	const ownNext = await ask("POST", `/v1/endpoints/${own.id}/rotate`, { body: {}, shown: "secret", name: "an endpoint's secret, rotated" });
	const firstNext = vault.add("an endpoint's secret, rotated to a given one", whsec());
	await ask("POST", `/v1/endpoints/${first.id}/rotate`, { body: { secret: firstNext }, shown: "secret", name: "known already" });
	for (const { id } of endpoints) expect((await ask("POST", `/v1/endpoints/${id}/test`)).status).toBe(200);

	// jobs, and providers that tell their keys
	const jobSecret = vault.add("a job's webhook_secret", whsec());
	const jobToken = vault.make("a token in a webhook_url", encodeURIComponent, IN_A_URL);
	const echo = { ...JOB.input, prompt: "ECHO" };
	await fetch(`${sandbox.url}/_sandbox/knobs`, {
		method: "PATCH",
		body: JSON.stringify({ jobs: { failNext: 1, errorMessage: `the key ${provider.deapi} is bad` } }),
	});
	const failing = await submit({});
	await ended([failing]);
	const form = (prompt: string) => {
		const data = new FormData();
		data.set("job", JSON.stringify({ provider: "decart", type: "image_edit", model: "lucy-image-latest", input: { prompt } }));
		data.set("data", new Blob([drawPicture({ width: 64, height: 64, seed: prompt })], { type: "image/png" }), "a.png");
		return ask("POST", "/v1/jobs", { body: data });
	};
	const jobs = [
		failing,
		await submit({ webhook_url: `${receiver.url}/json/of-a-job?token=${jobToken}`, webhook_secret: jobSecret }),
		await submit({ webhook_url: `${receiver.url}/php/of-the-app` }, made.secret),
		await submit({ input: echo }, ofCli),
		(await form("ECHO")).id,
		(await form("in snow")).id,
	];
	const others = [await submit({ webhook_url: `${receiver.url}/json/of-other` }, keyOfOther)];
	const thirds = [await submit({ webhook_url: `${receiver.url}/json/of-third` }, keyOfThird)];
	const legacy = await submit({}, imported.key);
	expect((await ask("POST", "/v1/price", { body: { ...JOB, webhook_url: undefined, input: echo } })).status).toBe(422);

	// hooks, good and bad
	const post = (path: string, body: object, secret: string, sign: "right" | "wrong" = "right") => {
		const text = JSON.stringify(body);
		const headers = hookHeaders({ id: "x", event: "job.failed", body: text, nowMs: Date.now(), secret, sign });
		return ask("POST", path, { body: text, headers: { ...headers, authorization: "" } });
	};
	const hookOf = (job: string, message: string) => ({
		...{ event: "job.failed", delivery_id: `d-${random()}`, timestamp: new Date().toISOString() },
		data: { job_request_id: job, error_code: "X", error_message: message },
	});
	const told = `keys ${provider.deapi} and ${hookSecret} and ${otherHookSecret}`;
	expect((await post("/hooks/deapi", hookOf(random(), told), otherHookSecret)).json).toMatchObject({ outcome: "orphan" });
	vault.use("DEAPI_WEBHOOK_SECRET, the second");
	expect((await post("/hooks/deapi", { unreadable: told }, hookSecret)).json).toEqual({ outcome: "unreadable" });
	vault.use("DEAPI_WEBHOOK_SECRET");
	const submissionOf = async (job: string, key: string) => {
		const { json } = await ask("GET", `/v1/jobs/${job}/timeline`, { key });
		return (json["data"] as Json[]).find(({ kind }) => kind === "submission") as Json;
	};
	await vi.waitFor(async () => expect((await submissionOf(legacy, imported.key))["provider_job_id"]).toEqual(expect.any(String)), soon);
	const providerJob = String((await submissionOf(legacy, imported.key))["provider_job_id"]);
	expect((await post("/hooks/deapi", hookOf(providerJob, `key ${imported.key}, secret ${imported.secret}`), imported.secret)).status).toBe(
		200,
	);
	vault.use("its webhook secret");
	for (const { path, body } of cloud.heard) {
		const token = /"webhook_url":"[^"]*\/hooks\/deapi\/([\w-]+)"/.exec(body)?.[1];
		if (token !== undefined) vault.add(`a hook token (${path})`, token);
	}
	const tokens = vault.secrets.filter(({ name }) => name.startsWith("a hook token"));
	for (const { name, value } of tokens) {
		expect((await post(`/hooks/deapi/${value}`, {}, hookSecret, "wrong")).status).toBe(401);
		expect((await post(`/hooks/deapi/${value}x`, {}, hookSecret, "wrong")).status).toBe(401);
		vault.use(name);
	}

	// secrets where they do not belong
	const wrong = vault.make("a key that is not known", (r) => `wrong-${r}`);
	const password = vault.make("a password in a webhook_url", noSlash);
	const refused = vault.add("a secret in a request that is refused", random() + random());
	const at = { receiver: receiver.url, endpoint: first.id };
	for (const [method, path, wish] of misuses({ operator, wrong, password, refused, asAnId: made.secret }, at))
		expect((await ask(method, path, wish)).status, `${method} ${path}`).toBeOneOf([400, 401, 404, 415, 422]);
	for (const name of [wrong, password, refused]) vault.use(vault.nameOf(name));

	await Promise.all([ended(jobs), ended(others, keyOfOther), ended(thirds, keyOfThird), ended([legacy], imported.key), ...making]);
	const arrived = () =>
		vi.waitFor(async () => expect((await ask("GET", "/v1/deliveries?status=undelivered&limit=100")).json["data"]).toEqual([]), soon);
	await arrived();

	/** All there is to be read of one job's app. */
	async function readAll(key: string, of: string[]) {
		for (const job of of)
			for (const path of [`/v1/jobs/${job}`, `/v1/jobs/${job}/timeline`, `/v1/jobs/${job}/result`]) await ask("GET", path, { key });
		for (const list of ["jobs", "endpoints", "deliveries", "events", "keys", "files"]) {
			const { json } = await ask("GET", `/v1/${list}?limit=100`, { key });
			if (["endpoints", "deliveries", "events"].includes(list))
				for (const { id } of json["data"] as { id: string }[]) await ask("GET", `/v1/${list}/${id}`, { key });
		}
	}
	await readAll(made.secret, jobs);
	await readAll(keyOfOther, [...others, legacy]);
	for (const path of ["/v1/apps", "/v1/counters", "/v1/models", "/openapi.json", "/healthz", "/readyz"]) await ask("GET", path);

	// links
	const link = new URL(String((await ask("GET", `/v1/jobs/${jobs[1]}`)).json["result_url"]));
	vault.add("the signature of a result link", String(link.searchParams.get("sig")), LINK);
	const opened = await ask("GET", link.pathname + link.search, { key: "" });
	expect([opened.status, opened.headers.get("referrer-policy")]).toEqual([302, "no-referrer"]);
	vault.use("the signature of a result link");
	expect((await ask("GET", `${link.pathname}?exp=1&sig=${link.searchParams.get("sig")}`, { key: "" })).status).toBe(404);

	// something of ours breaks
	await engine.sql("ALTER TABLE endpoints RENAME TO endpoints_away");
	const inVain = vault.add("a secret in a request that breaks", whsec());
	vault.use("a secret in a request that breaks");
	const fresh = { url: `${receiver.url}/json?token=${first.token}`, secret: inVain, headers: first.headers };
	expect((await ask("POST", "/v1/endpoints", { body: fresh })).status).toBe(500);
	expect((await ask("GET", `/v1/endpoints/${first.id}`)).status).toBe(500);
	await engine.sql("ALTER TABLE endpoints_away RENAME TO endpoints");
	await engine.sql(engine.refuseDescriptions);
	expect((await ask("POST", "/v1/endpoints", { body: { ...fresh, description: "refused" } })).status).toBe(500);
	await engine.down();
	for (const [path, body] of [
		["/v1/jobs", { ...JOB, webhook_url: `${receiver.url}/json?token=${jobToken}`, webhook_secret: jobSecret }],
		["/v1/endpoints", fresh],
	] as const)
		expect((await ask("POST", path, { body, key: made.secret })).status).toBeGreaterThanOrEqual(500);
	expect((await post("/hooks/deapi", hookOf(providerJob, told), hookSecret)).status).toBeGreaterThanOrEqual(500);
	await engine.up();
	await vi.waitFor(async () => expect((await ask("GET", "/readyz")).status).toBe(200), soon);

	// a crash, another master key, a recovery, and the commands that show it all
	await submit({ webhook_url: `${receiver.url}/json/of-a-job?token=${jobToken}`, webhook_secret: jobSecret });
	await service.end("SIGKILL");
	expect(await service.start(env([master[1], master[0]]))).toBe("up");
	const last = await ask("POST", "/v1/endpoints", {
		body: { url: `${receiver.url}/json`, event_types: ["job.failed"] },
		...{ shown: "secret", name: "an endpoint's secret, sealed with the next master key" },
	});
	const again = await submit({ input: echo });
	await ended([again]);
	await ask("POST", `/v1/endpoints/${last.id}/recover`, { body: { since: "2026-01-01" } });
	const only = await ask("POST", `/v1/apps/${third.id}/rotate`, {
		body: { overlap_h: 0 },
		shown: "callback_secret",
		name: "an app's secret, after a leak",
	});
	await ended([await submit({ webhook_url: `${receiver.url}/plain/of-third`, input: echo }, keyOfThird)], keyOfThird);
	await readAll(made.secret, [again, ...jobs]);
	const both = { more: env([master[1], master[0]]) };
	const shows = [
		["jobs", "timeline", jobs[1]!],
		["deliveries", "list", "--json"],
		["endpoints", "list", "--json"],
		["backup", engine.copy],
	];
	if (engine.everyCommand) await Promise.all(shows.map((args) => command(args, both)));
	await ask("DELETE", `/v1/keys/${made.id}`);
	const signed = (secret: string) => receiver.heard.some((one) => signedWith(secret, one));
	for (const { secret } of [last, only]) await vi.waitFor(() => expect(signed(secret)).toBe(true), soon);
	await service.end("SIGTERM");
	await sandbox.close();

	// who has used what
	const secrets = [
		appSecret,
		firstOfOther,
		nextOfOther,
		rotated.secret,
		own.secret,
		ownNext.secret,
		firstNext,
		jobSecret,
		last.secret,
		third.secret,
		only.secret,
	];
	for (const secret of [...secrets, ...endpoints.map((one) => one.secret)]) if (signed(secret)) vault.use(vault.nameOf(secret));
	for (const { headers, path } of receiver.heard) {
		for (const [name, { authorization, "x-door": door }] of endpoints.map((one) => [one.token, one.headers] as const)) {
			if (headers.authorization === authorization) vault.use(vault.nameOf(authorization));
			if (headers["x-door"] === door) vault.use(vault.nameOf(door));
			if (path.includes(name)) vault.use(vault.nameOf(name));
		}
		if (path.includes(jobToken)) vault.use(vault.nameOf(jobToken));
	}
	for (const { headers } of cloud.heard)
		for (const key of [provider.deapi, provider.decart, imported.key])
			if (headers.authorization === `Bearer ${key}` || headers["x-api-key"] === key) vault.use(vault.nameOf(key));
	for (const key of [operator, ofCli, made.secret, keyOfOther, keyOfThird]) vault.use(vault.nameOf(key)); // each was let in above
	const seen = new Set<string>();
	for (const { path, headers } of receiver.heard) {
		if (seen.has(path)) continue;
		seen.add(path);
		for (const name of ["webhook-signature", "x-deapi-signature"])
			for (const signature of String(headers[name] ?? "")
				.split(" ")
				.filter(Boolean)) {
				vault.add(`a callback's ${name} (${seen.size}: ${signature.slice(3, 9)})`, signature.replace(/^(v1,|sha256=)/, ""));
				vault.use(vault.secrets.at(-1)!.name);
			}
	}
	heap.push({ where: "log", what: "the service", bytes: Buffer.from(service.said()) }, ...(await engine.dump()));
	const rows = Buffer.concat(heap.filter(({ where }) => where === "database").map(({ bytes }) => bytes)).toString("latin1");
	for (const key of master)
		if (rows.includes(`v1.${createHash("sha256").update(key).digest("hex").slice(0, 8)}.`)) vault.use(vault.nameOf(key));
	return heap;
}

const noSlash = (text: string): string => text.replaceAll(/[+/]/g, "-");
