import type { Clock } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { remember } from "../log.ts";
import { type Catalogue, findModel } from "./models.ts";
import type { TokenRequest } from "./tokens.ts";

/** A client token; its key is what the map knows it by. */
interface Token {
	/** The permanent key that made it. */
	parent: string;
	expiresAt: number;
	models: readonly string[] | null;
	origins: readonly string[] | null;
}

/** Who calls: what a client token makes belongs to its parent. */
export interface Caller {
	account: string;
	token: Token | null;
}

export interface Keys {
	/** Null = the key is none of ours, or its time is over. */
	find(key: string): Caller | null;
	mint(parent: string, request: TokenRequest): { apiKey: string; expiresAt: number };
}

const kept = 10_000;

export function createKeys(clock: Clock, apiKeys: readonly string[]): Keys {
	const permanent = new Set(apiKeys);
	const tokens = new Map<string, Token>();
	const expired = (token: Token) => clock.now() >= token.expiresAt;
	return {
		find(key) {
			if (permanent.has(key)) return { account: key, token: null };
			const token = tokens.get(key);
			return token === undefined || expired(token) ? null : { account: token.parent, token };
		},
		mint(parent, { expiresIn, models, origins }) {
			const apiKey = `ek_${nonce().replaceAll("-", "")}`;
			const expiresAt = clock.now() + expiresIn * 1000;
			remember(tokens, apiKey, { parent, expiresAt, models, origins }, kept, expired);
			return { apiKey, expiresAt };
		},
	};
}

/** What a client token may not do; null = go on. A call without an Origin comes from no browser. */
export function forbidden({ token }: Caller, origin: string | undefined): string | null {
	const allowed = origin === undefined || token?.origins?.includes(origin) !== false;
	return allowed ? null : "Origin is not allowed for this API key";
}

/** Under whatever name the model goes. */
export function forbiddenModel({ token }: Caller, model: string, catalogue: Catalogue): string | null {
	const same = (name: string) => name === model || findModel(name, catalogue)?.name === findModel(model, catalogue)?.name;
	return token?.models?.some(same) === false ? "Model is not allowed for this API key" : null;
}
