/** Where an endpoint's secret stands, and those before it: it opens nowhere else. */
export const placeOfSecret = (appId: string, endpointId: string) => ({
	table: "endpoints",
	column: "secret",
	row: endpointId,
	app: appId,
});
/** Where its header fields stand. */
export const placeOfHeaders = (appId: string, endpointId: string) => ({ ...placeOfSecret(appId, endpointId), column: "headers" });
