/** What the operator is told of, besides the jobs: events of the app `default`, in the order in which they are shown and counted. */
export const NOTICE_TYPES = [
	"endpoint.failing",
	"endpoint.recovered",
	"endpoint.disabled",
	"delivery.exhausted",
	"account.paused",
] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

export const isNotice = (type: string): type is NoticeType => (NOTICE_TYPES as readonly string[]).includes(type);

/** The job that an event, or a delivery of it, is of. What the operator is told is of none: its row holds what it is about. */
export const jobOf = (eventType: string, jobId: string): string | null => (isNotice(eventType) ? null : jobId);
