import { z } from "zod";
import type { Http } from "../../core/http.ts";
import type { Account, Asked, Priced } from "../provider.ts";
import { asked, request } from "./call.ts";
import { TYPES } from "./types.ts";

const Price = z.object({ data: z.object({ price: z.number().nonnegative() }) }).transform(({ data }) => data.price);

/** USD. deAPI's price routes ignore what does not change the price. */
export async function price(http: Http, account: Account, job: Priced): Promise<Asked<number>> {
	const type = TYPES[job.type];
	if (type === undefined) return { kind: "refused", message: `this version cannot price the type ${job.type}`, details: [] };
	const body = JSON.stringify({ ...type.defaults, ...job.input, model: job.model });
	return asked(await http({ ...request(account, "POST", `${type.path}/price-calculation`), body }), Price);
}
