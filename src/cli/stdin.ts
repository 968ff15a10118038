import { createInterface } from "node:readline";
import { Refused } from "../node/refused.ts";
import { wrongUsage } from "./command.ts";

/** Where a key and its webhook secret are read from: never the command line, which everyone on the machine can see. */
export interface FromOutside {
	keyStdin?: boolean;
	keyEnv?: string;
	webhookSecretStdin?: boolean;
	webhookSecretEnv?: string;
}

const KEY_MIN = 16;

export async function readSecrets(from: FromOutside): Promise<{ key: string; webhookSecret: string | null }> {
	if ((from.keyStdin === true) === (from.keyEnv !== undefined)) throw wrongUsage("give the key with one of --key-stdin and --key-env");
	if (from.webhookSecretStdin && from.webhookSecretEnv !== undefined)
		throw wrongUsage("give the webhook secret with one of --webhook-secret-stdin and --webhook-secret-env");
	const lines = await stdinLines((from.keyStdin ? 1 : 0) + (from.webhookSecretStdin ? 1 : 0));
	const key = from.keyEnv === undefined ? (lines.shift() ?? "") : variable("--key-env", from.keyEnv);
	const secret = from.webhookSecretStdin
		? (lines.shift() ?? "")
		: from.webhookSecretEnv === undefined
			? null
			: variable("--webhook-secret-env", from.webhookSecretEnv);
	if (!/^\S+$/.test(key) || key.length < KEY_MIN) throw new Refused(`the key must be one word of at least ${KEY_MIN} characters`);
	if (secret === "") throw new Refused("the webhook secret is empty: its line comes after the key's");
	return { key, webhookSecret: secret };
}

/** Its name is not repeated: who writes `--key-env $KEY` has given the key itself. */
function variable(option: string, name: string): string {
	const value = process.env[name]?.trim();
	if (!value) throw new Refused(`the environment variable that ${option} names is not set`);
	return value;
}

/** At most `count` lines, as soon as they are there. */
async function stdinLines(count: number): Promise<string[]> {
	const lines: string[] = [];
	if (count === 0) return lines;
	const input = createInterface({ input: process.stdin });
	for await (const line of input) if (lines.push(line.trim()) === count) break;
	return lines;
}
