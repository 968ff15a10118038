import type { Deps } from "../deps.ts";
import { dispatch } from "./dispatch.ts";
import { fetchInput } from "./fetch-input.ts";
import { fetchResult } from "./fetch-result.ts";
import { poll } from "./reconcile.ts";
import type { Claimed } from "./sql/work.ts";

const PHASES = { input: fetchInput, send: dispatch, poll, result: fetchResult };

/** What a claimed submission is due for: to have its files fetched, to be sent, to be asked about, or to have its result fetched. */
export const workOn = (deps: Deps, claimed: Claimed): Promise<void> => PHASES[claimed.phase](deps, claimed);
