import { isExpected } from "./node/expected.ts";
import { serve } from "./node/serve.ts";

/** `npm start`. */
await serve(process.env).catch((e: unknown) => {
	console.error(isExpected(e) ? e.message : e);
	process.exit(1);
});
