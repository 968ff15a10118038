/** Fields that must never be read in a log, wherever a line carries them. Requests are logged by route, without their URL. */
export const REDACTED: readonly string[] = ["secret", "webhook_secret", "apiKey", "api_key", "authorization", "token", "key"];
