/** What the columns of one row may have together: D1 refuses a row of 2,000,000 bytes, and there are the small ones, too. */
export const ROW_MAX_BYTES = 1_900_000;

/** Whether a text has at most so many bytes as UTF-8. */
export const fits = (text: string, maxBytes = ROW_MAX_BYTES): boolean =>
	text.length * 3 <= maxBytes || new TextEncoder().encode(text).length <= maxBytes;
