import { createRoute, z } from "@hono/zod-openapi";
import { iso } from "../core/clock.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { accountOf, findAccount, type Owner } from "../jobs/account.ts";
import type { Catalogue, Models } from "../jobs/models.ts";
import { priceOf } from "../jobs/price.ts";
import { PROVIDERS, providerOf } from "../providers/index.ts";
import type { Account } from "../providers/provider.ts";
import type { App } from "./context.ts";
import { JOB_TYPES, PriceBody } from "./schemas/jobs.ts";
import { ModelList, Price } from "./schemas/models.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const NAMES = Object.keys(PROVIDERS);

const modelsRoute = createRoute({
	method: "get",
	path: "/v1/models",
	security,
	request: { query: z.object({ provider: z.enum(NAMES).optional(), type: z.enum(JOB_TYPES).optional() }) },
	responses: {
		200: json(ModelList, "Models that jobs can name, at most 10 minutes old; older with `stale: true` while the provider is down"),
		401: failure("No key"),
		422: failure("A parameter is wrong: `details` names it; or the provider is not configured"),
		503: failure("The provider does not answer, and nothing of it is known yet"),
	},
});

const priceRoute = createRoute({
	method: "post",
	path: "/v1/price",
	security,
	request: { body: { required: true, content: { "application/json": { schema: PriceBody } } } },
	responses: {
		200: json(Price, "What this job would cost; none is made"),
		400: failure("Not JSON"),
		401: failure("No key"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("The provider does not answer"),
	},
});

export function mountModels(app: App, deps: Deps, models: Models): void {
	app.openapi(modelsRoute, async (c) => {
		const { provider, type } = c.req.valid("query");
		const found = await Promise.all((await accountsOf(deps, c.var.caller, provider)).map((account) => read(models, account)));
		const data = found.flatMap((one) => shown(one, type));
		const readAt = Math.min(...found.map(({ catalogue }) => catalogue.readAt));
		const stale = found.some(({ catalogue }) => !models.isFresh(catalogue));
		return c.json({ data, stale, read_at: iso(readAt), next_cursor: null }, 200);
	});
	app.openapi(priceRoute, async (c) => {
		const { provider, type, model, input } = c.req.valid("json");
		const price = await priceOf(deps, c.var.caller, { provider, type, model, input });
		return c.json({ provider, type, model, price, currency: "USD" as const }, 200);
	});
}

async function accountsOf(deps: Deps, owner: Owner, provider: string | undefined): Promise<Account[]> {
	const [first = ""] = NAMES;
	const all = provider === undefined ? await Promise.all(NAMES.map((name) => findAccount(deps, owner, name))) : [];
	const found = all.filter((account) => account !== null);
	return found.length > 0 ? found : [await accountOf(deps, owner, provider ?? first)];
}

async function read(models: Models, account: Account): Promise<{ provider: string; catalogue: Catalogue }> {
	const [provider, catalogue] = [providerOf(account.id), await models.read(account)];
	if (catalogue === null) throw new JobhookError("unavailable", `${provider} does not tell its models now; try again later`);
	return { provider, catalogue };
}

/** Models that no job type of ours can name are left out. */
const shown = ({ provider, catalogue }: { provider: string; catalogue: Catalogue }, type: string | undefined) =>
	catalogue.models
		.filter(({ types }) => (type === undefined ? types.length > 0 : types.includes(type)))
		.map(({ id, ranges, ...rest }) => ({ provider, model: id, limits: ranges, ...rest }));
