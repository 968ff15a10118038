import { z } from "zod";

/** A link that a browser may be sent to: http(s), spelled as a header can carry it. Anything else is no link. */
export const Link = z
	.string()
	.transform((text) => (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? new URL(text).href : null))
	.nullish()
	.catch(null);
