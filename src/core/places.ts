import type { Place } from "./secretbox.ts";

/*
 * Where rows keep sealed values: a secret, and those before it, open in their place and nowhere else.
 */

export const placeOfAppSecret = (app: string): Place => ({ table: "apps", column: "callback_secret", row: app, app });

export const placeOfEndpointSecret = (app: string, endpoint: string): Place => ({
	table: "endpoints",
	column: "secret",
	row: endpoint,
	app,
});

export const placeOfEndpointHeaders = (app: string, endpoint: string): Place => ({
	...placeOfEndpointSecret(app, endpoint),
	column: "headers",
});

export const placeOfJobSecret = (app: string, job: string): Place => ({ table: "jobs", column: "webhook_secret", row: job, app });
