/** What the operator is told of, besides the jobs: events of the app `default`, in the order in which they are shown and counted. */
export const NOTICE_TYPES = [
	"endpoint.failing",
	"endpoint.recovered",
	"endpoint.disabled",
	"delivery.exhausted",
	"account.paused",
] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

/** Its admins are the operator. */
export const OPERATOR_APP = "default";

export const isNotice = (type: string): type is NoticeType => (NOTICE_TYPES as readonly string[]).includes(type);
