/** Cuts the connection of the request that `env` belongs to; only the runtime's edge knows how. */
export type CutConnection = (env: unknown) => Response;

/** Where there is no connection to cut (`app.request()`), the call rejects, as fetch does. */
export const rejectInstead: CutConnection = () => {
	throw new ConnectionCut("connection cut by the sandbox");
};
export class ConnectionCut extends Error {}
