import { readHook } from "./deapi/hook.ts";
import { models } from "./deapi/models.ts";
import { price } from "./deapi/price.ts";
import { send } from "./deapi/send.ts";
import { fetchResult, poll } from "./deapi/status.ts";
import { TYPES } from "./deapi/types.ts";
import type { Provider } from "./provider.ts";

export const deapi: Provider = {
	name: "deapi",
	types: TYPES,
	jobDeadlineMs: (config) => config.deapiJobDeadlineMs,
	send,
	poll,
	fetchResult,
	models,
	price,
	readHook,
};
