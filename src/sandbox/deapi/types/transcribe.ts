import { utf8 } from "../../bytes.ts";
import type { Fields } from "../../form.ts";
import { always, boolean, file, model, number, oneAmong, optional, type Reader } from "../fields.ts";
import { jobType } from "../job-type.ts";
import type { InferenceType } from "../model.ts";

const hosts = ["youtube.com", "youtu.be", "x.com", "twitter.com", "twitch.tv", "kick.com", "tiktok.com"];

const parse = (given: unknown): URL | null => (typeof given === "string" && URL.canParse(given) ? new URL(given) : null);
const isAt = ({ hostname }: URL, host: string): boolean => hostname === host || hostname.endsWith(`.${host}`);

/** Any web address, so that made-up ones can be tried; strict keeps to the sites deAPI reads. */
const source: Reader<string> = (name, { rules, strict, model: chosen }, required) => {
	const given = rules.text(name, required);
	if (given === null) return null;
	const url = parse(given);
	if (url === null || !/^https?:$/.test(url.protocol)) return rules.refuse(name, "must be a valid URL.");
	if (strict && !hosts.some((host) => isAt(url, host))) return rules.refuse(name, "format is invalid.");
	if (isAt(url, "tiktok.com") && chosen !== null && chosen.slug !== "WhisperLargeV3Ct2")
		return rules.fail("model", "The selected model does not support TikTok.");
	return given;
};

/** What runs depends on what is sent; a file is taken at its declared type and name. */
function typeOf(fields: Fields): InferenceType {
	const upload = fields["source_file"];
	if (upload instanceof File) {
		const isAudio = upload.type.startsWith("audio/") || /\.(aac|flac|m4a|mp3|oga|ogg|wav|weba)$/i.test(upload.name);
		return isAudio ? "audio_file2text" : "video_file2text";
	}
	const url = parse(fields["source_url"]);
	const isSpace = url !== null && (isAt(url, "x.com") || isAt(url, "twitter.com")) && url.pathname.startsWith("/i/spaces/");
	return isSpace ? "audio2text" : "video2text";
}

/** Nobody looks at the source, so without a duration every one counts as a minute. */
const assumedSeconds = 60;

const common = { source_file: optional(file(50)), include_ts: always(boolean), model: always(model) };
const fields = {
	source_url: oneAmong(["source_file"], source),
	...common,
	return_result_in_response: optional(boolean),
};
const priceFields = {
	source_url: oneAmong(["source_file", "duration_seconds"], source),
	duration_seconds: optional(number({ min: 0.1 })),
	...common,
};

export const transcribe = jobType({
	type: typeOf,
	fields,
	priceFields,
	/** 0.021 an hour. */
	cost: (values) => (0.021 / 3600) * (("duration_seconds" in values ? values.duration_seconds : null) ?? assumedSeconds),
	result({ source_url, source_file, include_ts, return_result_in_response: inline }) {
		const lines = ["This is the sandbox.", `It did not listen to ${source_url ?? source_file?.name ?? "anything"}.`];
		const text = include_ts
			? lines.map((line, i) => `[00:00:0${i * 2}.000 --> 00:00:0${i * 2 + 2}.000] ${line}`).join("\n")
			: lines.join(" ");
		return {
			extension: "txt",
			contentType: "text/plain; charset=utf-8",
			file: () => utf8(text),
			inline: inline === true ? () => text : null,
		};
	},
});
