import { createMiddleware } from "hono/factory";
import { findApp } from "../access/apps.ts";
import { DEFAULT_APP } from "../core/default-app.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { Vars } from "./context.ts";

/** The app `default` is the operator's. */
export const isOperator = async (deps: Pick<Deps, "db">, appId: string): Promise<boolean> =>
	(await findApp(deps, DEFAULT_APP))?.id === appId;

/** `what` others may not: "sees and makes apps". */
export const operatorOnly = (deps: Pick<Deps, "db">, what: string) =>
	createMiddleware<Vars>(async (c, next) => {
		if (!(await isOperator(deps, c.var.caller.appId)))
			throw new JobhookError("forbidden", `only an admin key of the app ${DEFAULT_APP} ${what}`);
		await next();
	});
