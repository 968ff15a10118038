/** What is known of a hook before its body is read. */
export interface HookHead {
	provider: string;
	/** From the URL; null for the account-wide address. */
	token: string | null;
	signature: string | undefined;
	timestamp: string | undefined;
}
/** The same with its raw bytes. */
export interface Hook extends HookHead {
	body: Uint8Array;
}
