import { models } from "./decart/models.ts";
import { fetchResult } from "./decart/result.ts";
import { send } from "./decart/send.ts";
import { poll } from "./decart/status.ts";
import { TYPES } from "./decart/types.ts";
import type { Provider } from "./provider.ts";

/** It posts no hooks and tells no prices. */
export const decart: Provider = {
	name: "decart",
	types: TYPES,
	settings: (config) => ({
		apiKey: config.decartApiKey,
		webhookSecrets: [],
		baseUrl: config.decartBaseUrl,
		jobDeadlineMs: config.decartJobDeadlineMs,
		polls: { perMinute: config.decartPollsPerMinute, learns: false },
	}),
	send,
	poll,
	fetchResult,
	models,
	modelsAreAll: false,
	price: null,
	readHook: null,
};
