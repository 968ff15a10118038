import { readHook } from "./deapi/hook.ts";
import { models } from "./deapi/models.ts";
import { price } from "./deapi/price.ts";
import { send } from "./deapi/send.ts";
import { fetchResult, poll } from "./deapi/status.ts";
import { TYPES } from "./deapi/types.ts";
import type { Provider } from "./provider.ts";

/** What deAPI grants its smallest plan. */
const BASIC_POLLS_PER_MINUTE = 50;

export const deapi: Provider = {
	name: "deapi",
	types: TYPES,
	settings: (config) => ({
		apiKey: config.deapiApiKey,
		webhookSecrets: config.deapiWebhookSecrets,
		baseUrl: config.deapiBaseUrl,
		jobDeadlineMs: config.deapiJobDeadlineMs,
		polls: { perMinute: config.deapiPollsPerMinute ?? BASIC_POLLS_PER_MINUTE, learns: config.deapiPollsPerMinute === undefined },
	}),
	send,
	poll,
	fetchResult,
	models,
	modelsAreAll: true,
	price,
	readHook,
};
