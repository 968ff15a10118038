import { poll, send } from "./deapi/api.ts";
import { readHook } from "./deapi/hook.ts";
import { TYPES } from "./deapi/types.ts";
import type { Provider } from "./provider.ts";

export const deapi: Provider = { name: "deapi", types: TYPES, jobDeadlineMs: (config) => config.deapiJobDeadlineMs, send, poll, readHook };
