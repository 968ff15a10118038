import type { Command } from "commander";
import { APP_NAME, createApp, listApps, rotateCallbackSecret } from "../access/apps.ts";
import { LONGEST_OVERLAP_H } from "../core/rotation.ts";
import { listed } from "../http/list.ts";
import { overlapMs } from "../http/schemas/rotation.ts";
import { Refused } from "../node/refused.ts";
import { group, type Json, leaf, matching, ofApp, type Paged, paged, pageFrom, wholeNumber } from "./command.ts";
import { appNamed, withDatabase } from "./open.ts";
import { listText, tell, tellSecret } from "./print.ts";

export function addApps(program: Command): void {
	const apps = group(program, "apps", "tenants: each owns its keys, jobs and endpoints");
	leaf(apps, "create", "make an app and print its callback secret, this once")
		.argument("<name>", "letters, digits, dots, - and _", matching(APP_NAME, "1 to 64 letters, digits, dots, - and _."))
		.action(async (name: string, options: Json) => {
			const app = await withDatabase((ports) => createApp(ports, name));
			if (app === null) throw new Refused(`there is an app named ${name} already`);
			tellSecret(options, app, app.callback_secret, `the callback secret of the app ${name} (${app.id})`);
		});
	paged(leaf(apps, "list", "all apps, newest first")).action(async (options: Json & Paged) => {
		const page = pageFrom("app", options);
		const list = listed(await withDatabase((ports) => listApps(ports, page)), page);
		tell(options, list, () => listText(list, ["id", "name", "created_at"]));
	});
}

export function addSecrets(program: Command): void {
	const secrets = group(program, "secrets", "secrets that sign callbacks");
	ofApp(leaf(secrets, "rotate", "give an app a new callback secret and print it, this once"))
		.option("--overlap-hours <n>", "how long the old one signs beside it; 0 ends all older ones at once", wholeNumber(0, LONGEST_OVERLAP_H))
		.action(async (options: Json & { app: string; overlapHours?: number }) => {
			const rotated = await withDatabase(async (ports) => {
				const id = await appNamed(ports, options.app);
				const done = await rotateCallbackSecret(ports, id, overlapMs(options.overlapHours));
				if (done === null) throw new Refused(`the app ${options.app} is gone`);
				return { id, name: options.app, ...done };
			});
			const [last] = rotated.previous_secrets;
			const until = last === undefined ? "the old one signs nothing more" : `the old one signs beside it until ${last.expires_at}`;
			const about = `the new callback secret of the app ${options.app} (${rotated.id}); ${until}`;
			tellSecret(options, rotated, rotated.callback_secret, about);
		});
}
