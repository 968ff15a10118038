import { z } from "zod";
import type { Http } from "../../core/http.ts";
import type { Account, Asked, Model, Range } from "../provider.ts";
import { asked, request } from "./call.ts";
import { TYPES } from "./types.ts";

const PAGE = 50;
const MOST_PAGES = 20;

/** PHP writes an empty object as `[]`, and numbers now and then as text. */
const table = z.record(z.string(), z.unknown()).catch({});
const Info = z.object({ limits: table, features: table, defaults: table }).catch({ limits: {}, features: {}, defaults: {} });
const Entry = z.object({
	name: z.string(),
	slug: z.string().min(1).max(255),
	inference_types: z.array(z.string()),
	info: Info,
	languages: z.array(z.unknown()).nullish().catch(null),
});
const Page = z.object({ data: z.array(Entry), meta: z.object({ last_page: z.int() }) });

/** All models, from as many pages as there are. */
export async function models(http: Http, account: Account): Promise<Asked<Model[]>> {
	const found: Model[] = [];
	for (let page = 1; page <= MOST_PAGES; page++) {
		const answer = asked(await http(request(account, "GET", `models?limit=${PAGE}&page=${page}`)), Page);
		if (answer.kind !== "answered") return answer;
		found.push(...answer.value.data.map(modelOf));
		if (page >= answer.value.meta.last_page) break;
	}
	return { kind: "answered", value: found };
}

function modelOf({ slug, name, inference_types, info, languages = null }: z.output<typeof Entry>): Model {
	const served = Object.entries(TYPES).filter(([, { inference }]) => inference.some((one) => inference_types.includes(one)));
	const ranges = served.map(([type, { ranged }]) => [type, rangesOf(ranged, info.limits)] as const);
	const { features, defaults } = info;
	return { id: slug, name, types: served.map(([type]) => type), ranges: Object.fromEntries(ranges), features, defaults, languages };
}

function rangesOf(ranged: Readonly<Record<string, string>>, limits: Record<string, unknown>): Record<string, Range> {
	const ranges = Object.entries(ranged).map(([field, limit]) => {
		const [min, max] = [numberOf(limits[`min_${limit}`]), numberOf(limits[`max_${limit}`])];
		return [field, { ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) }] as const;
	});
	return Object.fromEntries(ranges.filter(([, range]) => Object.keys(range).length > 0));
}

function numberOf(value: unknown): number | null {
	if (typeof value === "number") return Number.isFinite(value) ? value : null;
	return typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}
