/** Field → its texts, in the order the fields were checked. */
export type FieldErrors = Record<string, string[]>;

export function failure(status: number, message: string, headers: Record<string, string> = {}): Response {
	return Response.json({ message }, { status, headers });
}

/** Laravel's 422: the first text, and how many more there are. */
export function invalid(errors: FieldErrors): Response {
	const texts = Object.values(errors).flat();
	const more = texts.length - 1;
	const tail = more > 0 ? ` (and ${more} more error${more === 1 ? "" : "s"})` : "";
	return Response.json({ message: `${texts[0] ?? "The given data was invalid."}${tail}`, errors }, { status: 422 });
}

export const notEnoughBalance = (): Response => invalid({ balance: ["Not enough balance."] });

/** What deAPI says with a status when no handler had a better word. */
export function messageOf(status: number): string {
	return messages[status] ?? (status >= 500 ? "Server Error" : "Bad Request");
}

const messages: Record<number, string> = {
	401: "Unauthenticated.",
	403: "Your account has been suspended.",
	404: "No query results for the requested resource.",
	413: "The POST data is too large.",
	429: "Too Many Attempts.",
};
