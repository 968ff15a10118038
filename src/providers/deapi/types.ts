import type { DeapiType } from "./type.ts";
import { transcribe } from "./types/transcribe.ts";
import { txt2audio } from "./types/txt2audio.ts";
import { txt2embedding } from "./types/txt2embedding.ts";
import { txt2img } from "./types/txt2img.ts";
import { txt2music } from "./types/txt2music.ts";
import { txt2video } from "./types/txt2video.ts";

/** The job types that deAPI takes as JSON. */
export const TYPES: Readonly<Record<string, DeapiType>> = { txt2img, txt2video, txt2audio, txt2music, txt2embedding, transcribe };
