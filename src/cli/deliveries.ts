import { type Command, Option } from "commander";
import { parseId } from "../core/ids.ts";
import { listed } from "../http/list.ts";
import { Refused } from "../node/refused.ts";
import { retryDelivery } from "../outbound/delivery/again.ts";
import { type DeliveryWish, listDeliveries, STATUSES } from "../outbound/delivery/read.ts";
import { group, idOf, type Json, leaf, ofApp, type Paged, paged, pageFrom } from "./command.ts";
import { appNamed, withDatabase } from "./open.ts";
import { listText, tell } from "./print.ts";

type OfApp = Json & { app: string };

export function addDeliveries(program: Command): void {
	const deliveries = group(program, "deliveries", "what receivers are told, and whether it arrived");
	paged(ofApp(leaf(deliveries, "list", "deliveries of an app, newest first")))
		.addOption(new Option("--status <status>", "only these").choices(STATUSES))
		.option("--endpoint <id>", "only this endpoint's", idOf("ep"))
		.option("--job <id>", "only this job's", idOf("job"))
		.action(async ({ status, endpoint, job, ...options }: OfApp & Paged & DeliveryWish) => {
			const page = pageFrom("dlv", options);
			const wish = { status, endpoint, job };
			const { rows, rest } = await withDatabase(async (ports) => listDeliveries(ports, await appNamed(ports, options.app), page, wish));
			const list = listed(rows, page, rest);
			tell(options, list, () =>
				listText(list, ["id", "status", "event_type", "attempts", "reason", "since", "next_at", "waits_for", "url"]),
			);
		});

	ofApp(leaf(deliveries, "retry", "make a delivery that has not arrived due now; the running service sends it"))
		.argument("<id>", "dlv_…")
		.action(async (text: string, options: OfApp) => {
			const delivery = await withDatabase(async (ports) => {
				const app = await appNamed(ports, options.app);
				const id = parseId("dlv", text);
				return id === null ? null : retryDelivery(ports, app, id);
			});
			if (delivery === null) throw new Refused(`the app ${options.app} has no delivery ${text}`);
			tell(options, delivery, () => `${delivery.id} is due; the running service sends it at its next look`);
		});
}
