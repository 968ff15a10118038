import { parseId } from "../../src/core/ids.ts";
import { isResultLink } from "../../src/core/result-link.ts";
import { codes, type ErrorCode, JobhookError } from "../../src/errors.ts";
import type { Operation } from "./document.ts";
import { SECRETS } from "./schema.ts";
import { type Answer, Finding, type Sent } from "./send.ts";
import type { Stage } from "./stage.ts";
import type { Touch } from "./touched.ts";

/** What an answer may be, whatever was asked. `operation`: the one that was reached; null: none. */
export function checkAnswer(stage: Stage, sent: Sent, operation: Operation | null, answer: Answer): void {
	const { status, headers, text } = answer;
	if (status >= 500) throw new Finding(`a ${status}: ${text.slice(0, 500)}`);
	if (!headers.get("x-request-id")) throw new Finding(`no X-Request-Id at a ${status}`);
	if (!statusIsKnown(sent, operation, status))
		throw new Finding(`${operation?.name ?? "no route"} answers a ${status}, which is not documented`);
	if (status >= 400 && sent.method !== "HEAD") checkError(operation, answer);
	checkSecrets(stage, operation, answer);
	if (operation?.scope && status < 400) checkScope(sent, operation.scope, status);
	if (operation?.path.startsWith("/results/") && status < 400) checkLink(stage, sent, status);
}

function statusIsKnown({ method, url }: Sent, operation: Operation | null, status: number): boolean {
	if (operation !== null) return Object.hasOwn(operation.responses, status);
	return (
		[401, 403, 404, 413, 415, 400].includes(status) ||
		(new URL(url).pathname === "/openapi.json" && (method === "GET" || method === "HEAD"))
	);
}

function checkError(operation: Operation | null, { status, headers, text }: Answer): void {
	const documented = operation?.responses[status];
	if (documented === null) return; // has no body, or another
	const body = parse(text);
	const isOutcome = documented?.$ref?.endsWith("/HookAnswer");
	if (isOutcome && typeof (body as { outcome?: unknown }).outcome === "string") return;
	const { error, ...others } = (body ?? {}) as { error?: { code?: unknown; message?: unknown; request_id?: unknown; details?: unknown } };
	const fields = Object.keys(error ?? {}).filter((name) => name !== "details");
	const whole =
		fields.join() === "code,message,request_id" &&
		Object.keys(others).length === 0 &&
		typeof error?.message === "string" &&
		error.message !== "";
	if (!whole || error?.request_id !== headers.get("x-request-id")) throw new Finding(`not the shape of an error: ${text.slice(0, 500)}`);
	const code = error.code as ErrorCode;
	if (!codes.includes(code) || new JobhookError(code, "").status !== status)
		throw new Finding(`${String(code)} does not travel with ${status}`);
	if (!headers.get("content-type")?.startsWith("application/json")) throw new Finding(`an error as ${headers.get("content-type")}`);
}

/** What keys may do that are not an admin's; whoever is not named is let in nowhere. */
const MAY: Record<string, string[]> = { read: ["read"], submit: ["read", "submit"], import: ["read", "submit"] };
function checkScope({ caller }: Sent, scope: string, status: number): void {
	const may = caller.appId === null ? [] : (MAY[caller.name.split(" ")[1] ?? ""] ?? ["read", "submit", "admin"]);
	if (!may.includes(scope)) throw new Finding(`${caller.name} does what asks for ${scope}, and is answered ${status}`);
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new Finding(`not JSON: ${text.slice(0, 200)}`);
	}
}

/** Where a secret is shown once, to whoever brought or made it. */
const SHOWS = ["POST /v1/endpoints", "POST /v1/endpoints/{id}/rotate"];
function checkSecrets(stage: Stage, operation: Operation | null, { status, headers, text }: Answer): void {
	const said = text + JSON.stringify([...headers]);
	const shows = status < 300 && SHOWS.includes(operation?.name ?? "");
	const leaked = stage.secrets().find((secret) => said.includes(secret) && !(shows && secret === SECRETS.endpoint));
	if (leaked !== undefined) throw new Finding(`the answer shows the secret ${leaked.slice(0, 12)}…`);
}

function checkLink({ world }: Stage, { url }: Sent, status: number): void {
	const { pathname, searchParams } = new URL(url);
	const job = parseId("job", decodeURIComponent(pathname.split("/")[2] ?? ""));
	const genuine =
		job !== null && isResultLink(world.deps.secrets, job, searchParams.get("exp") ?? "", searchParams.get("sig") ?? "", world.now());
	if (!genuine) throw new Finding(`a link that is not genuine is answered with ${status}`);
}

/** What a request may change: nothing where it was refused or only read, and rows of its own app else. */
export function checkTouches(stage: Stage, sent: Sent, operation: Operation | null, status: number, touches: Touch[]): void {
	const said = (some: Touch[]) => some.map(({ op, table, id, app }) => `${op} ${table} ${id} of ${nameOf(stage, app)}`).join(", ");
	const reads = ["GET", "HEAD", "OPTIONS"].includes(sent.method) && !isResult(operation); // a link that aged is asked for again
	if ((status >= 400 || reads) && touches.length > 0)
		throw new Finding(`a ${sent.method} that is answered ${status} changes rows: ${said(touches)}`);
	const isOperator = sent.caller.appId === stage.apps.default;
	const mayApps = isOperator && operation?.path.startsWith("/v1/apps");
	const isLink = operation?.path === "/results/{id}"; // works for whoever holds it
	const others = touches.filter(({ app, table }) => app !== sent.caller.appId && !(mayApps && table === "apps") && app !== null && !isLink);
	if (others.length > 0) throw new Finding(`${sent.caller.name} changes rows of another app: ${said(others)}`);
	const nobodys = touches.filter(({ app }) => app === null);
	if (!isResult(operation) && nobodys.length > 0) throw new Finding(`${sent.caller.name} changes rows of the service: ${said(nobodys)}`);
}

const isResult = (operation: Operation | null): boolean =>
	operation?.path === "/results/{id}" || operation?.path === "/v1/jobs/{id}/result";

const nameOf = ({ apps }: Stage, app: string | null): string => Object.entries(apps).find(([, id]) => id === app)?.[0] ?? String(app);

/** An id in either spelling. */
const ID = /\b(?:[a-z]+_)?([0-9a-f]{32})\b|\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/g;
const OWNED = {
	job: "jobs",
	ep: "endpoints",
	dlv: "deliveries",
	evt: "events",
	file: "files",
	key: "keys",
	rec: "recoveries",
	sub: "submissions",
};

/** No id, and nothing else that is another app's, is in an answer, but what the request itself has named. */
export function checkTenants(stage: Stage, sent: Sent, operation: Operation | null, { status, text, headers }: Answer): void {
	const { caller } = sent;
	if (sent.inPath.length > 0 && operation?.scope && !mayRotate(stage, sent, operation)) {
		if (status < 400 || status === 409)
			throw new Finding(`${caller.name} names ${sent.inPath.join(", ")} of another app in the path and is answered ${status}`);
	}
	const isNotice = caller.appId === stage.apps.default && operation?.path === "/v1/events/{id}"; // the operator is told of everybody's receivers
	if (caller.appId === null || operation?.path.startsWith("/v1/apps") || operation?.path === "/results/{id}" || isNotice) return;
	const asked = `${decodeURIComponent(sent.url.replaceAll("%", "%25"))}${Buffer.from(sent.body ?? "").toString()}`
		.replaceAll("-", "")
		.toLowerCase();
	for (const [, bare, hyphens] of `${text} ${headers.get("location") ?? ""}`.matchAll(ID)) {
		const hex = bare ?? hyphens!.replaceAll("-", "");
		const owner = ownerOf(stage, hex);
		if (owner !== null && owner !== caller.appId && !asked.includes(hex) && !stage.told.has(`${caller.appId} ${hex}`))
			throw new Finding(`${caller.name} is shown ${hex}, which is of ${nameOf(stage, owner)}`);
	}
	for (const name of ["operator", "a admin", "b admin"] as const)
		if (stage.caller(name).appId !== caller.appId && text.includes(`only ${name} may read this`))
			throw new Finding(`${caller.name} reads what only ${name} may`);
}

const mayRotate = ({ apps }: Stage, { caller }: Sent, { name }: Operation): boolean =>
	name === "POST /v1/apps/{id}/rotate" && caller.appId === apps.default;

const OWNER = Object.entries(OWNED).map(([prefix, table]) => `SELECT app_id FROM ${table} WHERE id = '${prefix}_' || :hex`);
const ownerOf = ({ prepare }: Stage, hex: string): string | null =>
	(prepare(OWNER.join(" UNION ALL ")).pluck().get({ hex }) as string | undefined) ?? null;

/** Whether another app's id can be told from one of nobody. */
export function checkTwins(first: Answer, second: Answer, sameBody: boolean): void {
	if (first.status !== second.status)
		throw new Finding(
			`another app's id is answered ${first.status}, one of nobody ${second.status}: ${first.text.slice(0, 300)} | ${second.text.slice(0, 300)}`,
		);
	if (!sameBody) return;
	const [a, b] = [plain(first), plain(second)];
	if (a !== b) throw new Finding(`another app's id is answered otherwise than one of nobody: ${a.slice(0, 300)} | ${b.slice(0, 300)}`);
}

/** Without what differs from request to request. */
const plain = ({ text, headers }: Answer): string => text.replaceAll(headers.get("x-request-id") ?? "\u0000", "").replaceAll(ID, "<id>");
