import { hookToken, submissionOfToken } from "../../src/core/hook-token.ts";
import { signDeapi } from "../../src/core/signature.ts";
import { readHook } from "../../src/providers/deapi/hook.ts";
import { ACCOUNT_URL } from "../suite/gateway/tools.ts";
import { HOOK_SECRET } from "../support/world.ts";
import type { Operation } from "./document.ts";
import type { HookWish } from "./hooks.ts";
import { spoilt } from "./hostile.ts";
import { checkAnswer } from "./rules.ts";
import { ask, count, Finding, type Sent } from "./send.ts";
import type { Stage } from "./stage.ts";
import type { Touch } from "./touched.ts";
import { written } from "./tree.ts";

const MOST_BYTES = 1_048_576;
const WINDOW_S = 300;

interface Made {
	sent: Sent;
	body: Uint8Array<ArrayBuffer>;
	/** Signed by the provider, over these very bytes, at a time that is near. */
	authentic: boolean;
	/** The submission that its address proves. */
	submission: string | null;
}

function made(stage: Stage, wish: HookWish): Made {
	const { world, caller } = stage;
	const nobody = caller("nobody");
	const idOf = (id: Parameters<Stage["idOf"]>[0]) => stage.idOf(id, stage.apps.a).text;
	const signed = "tree" in wish.body ? new Uint8Array(Buffer.from(written(wish.body.tree, idOf))) : new Uint8Array(wish.body.bytes);
	const nowS = Math.floor(world.now() / 1000);
	const time = "text" in wish.time ? wish.time.text : String(nowS + wish.time.offS);
	const right = signDeapi(HOOK_SECRET, time, signed);
	const signatures: Record<HookWish["sign"], string> = {
		...{
			right,
			wrong: signDeapi("whsec_another", time, signed),
			none: "",
			"another body": signDeapi(HOOK_SECRET, time, `${Buffer.from(signed)} `),
		},
		...{ upper: right.toUpperCase(), "not hex": "sha256=zz" },
	};
	const body = spoilt(signed, wish.spoil);
	const token = tokenOf(stage, wish.to);
	const url = token === null ? ACCOUNT_URL : `${ACCOUNT_URL}/${encodeURIComponent(token.toWellFormed())}`;
	const near = /^\d{1,12}$/.test(time) && Math.abs(world.now() - Number(time) * 1000) <= WINDOW_S * 1000;
	return {
		sent: {
			...{ method: "POST", url, body, caller: nobody, foreign: [], inPath: [] },
			headers: [
				["content-type", "application/json"],
				["x-deapi-signature", signatures[wish.sign]],
				["x-deapi-timestamp", time],
			],
		},
		body,
		authentic: wish.sign === "right" && near && Buffer.compare(body, signed) === 0,
		submission: token === null ? null : submissionOfToken(world.deps.secrets, token),
	};
}

function tokenOf(stage: Stage, to: HookWish["to"]): string | null {
	if (to === null) return null;
	if ("token" in to) return to.token;
	const { id } = stage.idOf({ ...to.sub, spelling: "as it is" }, stage.apps.a);
	if (id === null) return null;
	const token = hookToken(stage.world.deps.secrets, id);
	const bytes = spoilt(Buffer.from(token, "base64url"), to.spoil);
	if (to.spoil.how !== "not" && Buffer.compare(bytes, Buffer.from(token, "base64url")) !== 0) {
		const known = submissionOfToken(stage.world.deps.secrets, Buffer.from(bytes).toString("base64url"));
		if (known !== null) throw new Finding("a token that was changed is taken for one of ours");
	}
	return Buffer.from(bytes).toString("base64url");
}

/** Posts a hook, and what was authentic a second time. */
export async function playHook(
	stage: Stage,
	wish: HookWish,
	at: (url: string) => Operation | null,
	trace: (sent: Sent) => void,
	met: Map<string, number>,
): Promise<void> {
	const { sent, body, authentic, submission } = made(stage, wish);
	trace(sent);
	const before = receiptsIn(stage);
	stage.rows.look();
	const operation = at(sent.url);
	const answer = await ask(stage, sent);
	if (answer === null) return;
	const touches = stage.rows.look();
	checkAnswer(stage, sent, operation, answer);
	if (operation === null) return; // a token that is no part of a path
	const large = body.length > MOST_BYTES; // what the headers show to prove nothing is not read at all
	const expected = authentic ? [large ? 413 : 200] : large ? [401, 413] : [401];
	if (!expected.includes(answer.status))
		throw new Finding(
			`${authentic ? "an authentic hook" : "a hook that proves nothing"} of ${body.length} bytes is answered ${answer.status}: ${answer.text}`,
		);
	if (answer.status !== 200) {
		count(met, `${operation.name} ${answer.status}`);
		const nudged = touches.every(({ table, op, id }) => table === "submissions" && op === "UPDATE" && id === submission);
		if (!nudged || receiptsIn(stage) !== before) throw new Finding(`a hook that was refused changes rows: ${said(touches)}`);
		return;
	}
	const { outcome } = JSON.parse(answer.text) as { outcome: string };
	count(met, `${operation.name} 200 ${outcome}`);
	checkKept(stage, body, outcome, receiptsIn(stage) - before);
	checkOwner(stage, body, submission, touches);
	const again = await ask(stage, sent);
	const copy = again === null ? "" : (JSON.parse(again.text) as { outcome: string }).outcome;
	const touchedAgain = stage.rows.look();
	if (again?.status !== 200 || touchedAgain.length > 0 || !["duplicate", "unreadable"].includes(copy))
		throw new Finding(`a copy of a hook is answered ${again?.status} ${copy} and changes ${said(touchedAgain) || "nothing"}`);
}

const said = (touches: Touch[]) => touches.map(({ op, table, id }) => `${op} ${table} ${id}`).join(", ");
const receiptsIn = ({ prepare }: Stage): number => Number(prepare("SELECT count(*) FROM receipts").pluck().get());

/** The very bytes are in its receipt, or base64 of such as are no text. */
function checkKept({ db }: Stage, bytes: Uint8Array, outcome: string, more: number): void {
	if (outcome === "duplicate" && more === 0) return;
	const kept = db.prepare<[], { body: string; outcome: string }>("SELECT body, outcome FROM receipts ORDER BY rowid DESC LIMIT 1").get();
	if (outcome === "unreadable" && more === 0) return; // came before
	if (more !== 1 || kept?.outcome !== outcome)
		throw new Finding(`${more} receipts of a hook that was ${outcome}; the last one is ${kept?.outcome}`);
	const same = [Buffer.from(kept.body), Buffer.from(kept.body, "base64")].some((one) => Buffer.compare(one, bytes) === 0);
	if (!same) throw new Finding(`kept are other bytes: ${kept.body.slice(0, 200)}`);
	const readable = readHook(Buffer.from(bytes).toString());
	if (readable === null && outcome !== "unreadable") throw new Finding(`what cannot be read was ${outcome}`);
}

/** A hook moves nobody's job but that of its address, or those that it names. */
function checkOwner({ prepare }: Stage, bytes: Uint8Array, submission: string | null, touches: Touch[]): void {
	const told = readHook(Buffer.from(bytes).toString())?.providerJobId ?? "";
	const column = submission === null ? "provider_job_id" : "id";
	const owners = prepare(`SELECT app_id FROM submissions WHERE ${column} = ?`)
		.pluck()
		.all(submission ?? told);
	const others = touches.filter(({ app }) => app !== null && !owners.includes(app));
	if (others.length > 0) throw new Finding(`a hook changes rows of others than ${owners.join(", ")}: ${said(others)}`);
}
