/** Where an endpoint's secret stands: it opens nowhere else. */
export const placeOfSecret = (appId: string, endpointId: string) => ({
	table: "endpoints",
	column: "secret",
	row: endpointId,
	app: appId,
});
