import fc from "fast-check";
import type { Schema, Service } from "./document.ts";
import { anything, TEXTS } from "./hostile.ts";
import { type IdWish, KINDS, type Kind, SPELLINGS, type Tree } from "./tree.ts";

/** Values that must never be seen again, but in the answer that makes them. */
export const SECRETS = {
	job: "kept-secret-of-a-job-0123456789abcdef",
	endpoint: `whsec_${Buffer.from("kept-secret-of-an-endpoint-00001").toString("base64")}`,
	header: "Bearer kept-secret-of-a-header",
};
const URLS = [
	"https://receiver.example.com/hooks",
	"https://ok.example.com/a?b=c",
	"https://fails.example.com/",
	"https://gone.example.com/x",
];
const MODELS: Record<string, string[]> = {
	txt2img: ["Flux1schnell", "ZImageTurbo_INT8"],
	txt2video: ["Ltxv_13B_0_9_8_Distilled_FP8"],
	txt2audio: ["Kokoro"],
	txt2music: ["AceStep_1_5_Turbo"],
	txt2embedding: ["Bge_M3_FP16"],
	transcribe: ["WhisperLargeV3"],
	...{ video_edit: ["lucy-2.5", "lucy-latest"], video_clip: ["lucy-clip", "lucy-latest"] },
	...{ video_restyle: ["lucy-restyle-2"], image_edit: ["lucy-image-2"] },
};
const TIMES = ["2026-01-15T10:00:00Z", "2026-01-15T10:30:46Z", "2026-01-01", "2030-01-01T00:00:00Z"];

export const idWish = (kind: IdWish["kind"], foreign = 2): fc.Arbitrary<IdWish> =>
	fc.record({
		kind: fc.oneof(
			{ weight: 12, arbitrary: fc.constant(kind) },
			{ weight: kind === "provider job" ? 0 : 1, arbitrary: fc.constantFrom(...KINDS) },
		),
		whose: fc.oneof(
			{ weight: 6, arbitrary: fc.constant("own" as const) },
			{ weight: foreign, arbitrary: fc.constant("another's" as const) },
		),
		pick: fc.nat(40),
		spelling: fc.oneof(
			{ weight: 10, arbitrary: fc.constant("as it is" as const) },
			{ weight: 3, arbitrary: fc.constantFrom("hyphens" as const, "bare" as const) },
			{ weight: 3, arbitrary: fc.constantFrom(...SPELLINGS) },
		),
	});
const id = (kind: IdWish["kind"]): fc.Arbitrary<Tree> => idWish(kind).map((wish) => ({ id: wish }));
const file = fc.oneof({ weight: 4, arbitrary: id("file") }, { weight: 1, arbitrary: fc.constantFrom("https://files.example.com/a.mp4") });

/** What means something here, and no schema says: by the name of the field. */
const KNOWN: Record<string, fc.Arbitrary<Tree>> = {
	...{ url: fc.constantFrom(...URLS), webhook_url: fc.constantFrom(...URLS), data: file, reference_image: file },
	...{ webhook_secret: fc.constant(SECRETS.job), secret: fc.constant(SECRETS.endpoint), provider_job_id: id("provider job") },
	headers: fc.constant({ fields: [["Authorization", SECRETS.header]] }),
	prompt: fc.constantFrom("a red fox in snow", "ein Fuchs", "\u{1f98a}"),
	...{ since: fc.constantFrom(...TIMES), until: fc.constantFrom(...TIMES) },
	...{ width: fc.constantFrom(256, 512, 640), height: fc.constantFrom(256, 512, 640), steps: fc.constantFrom(1, 4) },
	...{ fps: fc.constant(30), frames: fc.constantFrom(30, 60), guidance: fc.constant(0), timeout_ms: fc.constantFrom(null, 1000, 5000) },
	...{ duration: fc.constantFrom(10, 30), inference_steps: fc.constant(8), guidance_scale: fc.constant(1), bpm: fc.constantFrom(60, 120) },
	...{ text: fc.constantFrom("Hello there.", "short"), instruct: fc.constant("a deep voice"), speed: fc.constant(1) },
	...{ timesignature: fc.constantFrom(2, 4), lyrics: fc.constant("[Instrumental]"), name: fc.nat(30).map((n) => `name-${n}`) },
	metadata: fc.oneof(fc.constant<Tree>({ fields: [["order", 42]] }), anything),
};

/** Values that a schema allows; now and then such as lie on its edges. `name`: of the field that it is. */
export function valuesOf(service: Service, schema: Schema, name = ""): fc.Arbitrary<Tree> {
	const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
	const plain = bySchema(service, service.resolve(schema));
	return known === undefined ? plain : fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: plain });
}

function bySchema(service: Service, schema: Schema): fc.Arbitrary<Tree> {
	const variants = schema.oneOf ?? schema.anyOf ?? schema.allOf;
	if (variants !== undefined) return fc.oneof(...variants.map((variant) => valuesOf(service, variant)));
	if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
	const types = [schema.type ?? "any"].flat();
	return fc.oneof(...types.map((type) => (type === "null" ? fc.constant<Tree>(null) : byType(service, schema, type))));
}

function byType(service: Service, schema: Schema, type: string): fc.Arbitrary<Tree> {
	switch (type) {
		case "string":
			return strings(schema);
		case "integer":
		case "number":
			return numbers(schema, type === "integer");
		case "boolean":
			return fc.boolean();
		case "array":
			return fc.array(valuesOf(service, schema.items ?? {}), {
				minLength: schema.minItems ?? 0,
				maxLength: Math.min(schema.maxItems ?? 4, 6),
			});
		case "object":
			return objects(service, schema);
		default:
			return anything;
	}
}

function strings({ minLength: min = 0, maxLength: max = 40, format, example }: Schema): fc.Arbitrary<Tree> {
	const fitting = TEXTS.filter((one) => one.length >= min && one.length <= max);
	const long = "x".repeat(Math.min(max, 70_000));
	return fc.oneof(
		...(typeof example === "string" ? [{ weight: 12, arbitrary: fc.constant(example) }] : []),
		...(format === "date-time" ? [{ weight: 6, arbitrary: fc.constantFrom(...TIMES) }] : []),
		{ weight: 4, arbitrary: fc.string({ unit: "grapheme-ascii", minLength: min, maxLength: Math.min(max, Math.max(min, 12)) }) },
		...(fitting.length > 0 ? [{ weight: 1, arbitrary: fc.constantFrom(...fitting) }] : []),
		{ weight: 1, arbitrary: fc.constantFrom("x".repeat(min), ...(long.length > 5000 ? [] : [long])) },
	);
}

function numbers({ minimum = -1e6, maximum = 1e6 }: Schema, whole: boolean): fc.Arbitrary<Tree> {
	const between = whole ? fc.integer({ min: minimum, max: maximum }) : fc.double({ min: minimum, max: maximum, noNaN: true });
	return fc.oneof({ weight: 3, arbitrary: between }, { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) });
}

function objects(service: Service, schema: Schema): fc.Arbitrary<Tree> {
	const { properties = {}, required = [], additionalProperties: more } = schema;
	const [type = ""] = (properties["type"]?.enum ?? []) as string[];
	const parts = Object.entries(properties).map(([name, part]) => {
		const value = name === "model" && Object.hasOwn(MODELS, type) ? fc.constantFrom<Tree>(...MODELS[type]!) : valuesOf(service, part, name);
		const there = required.includes(name) ? fc.constant(true) : fc.integer({ min: 0, max: 3 }).map((n) => n === 3);
		return fc.tuple(fc.constant(name), value, there);
	});
	const others =
		typeof more === "object"
			? fc.array(fc.tuple(fc.constantFrom("a", "order", "X-Thing"), valuesOf(service, more)), { maxLength: 3 })
			: fc.constant([]);
	return fc.tuple(fc.tuple(...parts), others).map(([own, rest]): Tree => {
		const fields = own.flatMap(([name, value, there]): [string, Tree][] => (there ? [[name, value]] : []));
		return { fields: [...fields, ...rest] };
	});
}

/** The kind of id that a parameter of a path or a query takes. */
export function kindOf(path: string, parameter: string): Kind | null {
	if (parameter === "rec") return "rec";
	if (parameter === "endpoint") return "ep";
	if (parameter === "job") return "job";
	if (parameter !== "id") return null;
	const [, first = "", room = ""] = path.split("/");
	const rooms: Record<string, Kind> = {
		jobs: "job",
		files: "file",
		endpoints: "ep",
		deliveries: "dlv",
		events: "evt",
		keys: "key",
		apps: "app",
	};
	return first === "results" ? "job" : (rooms[room] ?? null);
}
