import fc from "fast-check";
import { anything, bytes, change, type Spoil, spoil, text } from "./hostile.ts";
import { idWish } from "./schema.ts";
import { changed, fields, type IdWish, type Tree } from "./tree.ts";

export interface HookWish {
	do: "hook";
	/** Null: the account's address. `spoil` is of the token. */
	to: { sub: IdWish; spoil: Spoil } | { token: string } | null;
	body: { tree: Tree } | { bytes: Uint8Array };
	/** After it was signed, where it was. */
	spoil: Spoil;
	sign: "right" | "wrong" | "none" | "another body" | "upper" | "not hex";
	/** Seconds that its signed time is off, or what stands in its place. */
	time: { offS: number } | { text: string };
}

const DELIVERIES = ["d-1", "d-2", "d-3", "d-4", "x".repeat(255), "__proto__", "poll:sub:job.completed", "sha256:00"];
const said = (event: string, delivery: Tree, job: Tree, more: Record<string, Tree>): Tree =>
	fields({
		event,
		delivery_id: delivery,
		timestamp: "2026-01-15T10:30:45Z",
		data: fields({ job_request_id: job, job_type: "txt2img", ...more }),
	});
const MORE: Record<string, Record<string, Tree>> = {
	"job.processing": { status: "processing", previous_status: "pending" },
	"job.completed": { status: "done", result_url: "https://storage.deapi.ai/r/a.png", processing_time_ms: 4500 },
	"job.failed": { status: "error", error_code: "WORKER_TIMEOUT", error_message: "No worker in time." },
};
const delivery = fc.oneof({ weight: 3, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.constantFrom(...DELIVERIES) });
const job = idWish("provider job", 4).map((id): Tree => ({ id }));
const authentic = fc
	.tuple(fc.constantFrom(...Object.keys(MORE)), delivery, job)
	.map(([event, id, about]) => said(event, id, about, MORE[event]!));
const broken = fc.tuple(authentic, fc.nat(40), change).map(([tree, at, how]) => changed(tree, at, how));
const odd = fc
	.tuple(fc.oneof(text, fc.constantFrom(...Object.keys(MORE))), text, fc.oneof(job, text), fc.dictionary(text, anything, { maxKeys: 3 }))
	.map(([event, id, about, more]) => said(event, id, about, more));
/** Around a mebibyte, which is the most that is taken. */
const huge = fc
	.constantFrom(1_000_000, 1_048_300, 1_048_577)
	.map((size) => fields({ event: "job.failed", pad: { written: `"${"h".repeat(size)}"` } }));
const deep = fc
	.constantFrom("[" as const, '{"a":' as const)
	.map((open): Tree => fields({ event: "job.completed", delivery_id: "deep", data: { nested: 10_000, open } }));

const never: Spoil = { how: "not", at: 0 };
export const hookWishes: fc.Arbitrary<HookWish> = fc.record({
	do: fc.constant("hook" as const),
	to: fc.oneof(
		{
			weight: 4,
			arbitrary: fc.record({
				sub: idWish("sub", 4),
				spoil: fc.oneof({ weight: 5, arbitrary: fc.constant(never) }, { weight: 1, arbitrary: spoil }),
			}),
		},
		{ weight: 3, arbitrary: fc.constant(null) },
		{ weight: 1, arbitrary: fc.record({ token: text }) },
	),
	body: fc.oneof(
		{ weight: 60, arbitrary: authentic.map((tree) => ({ tree })) },
		{ weight: 60, arbitrary: broken.map((tree) => ({ tree })) },
		{ weight: 30, arbitrary: odd.map((tree) => ({ tree })) },
		{ weight: 10, arbitrary: anything.map((tree) => ({ tree })) },
		{ weight: 25, arbitrary: bytes.map((one) => ({ bytes: one })) },
		{ weight: 4, arbitrary: deep.map((tree) => ({ tree })) },
		{ weight: 1, arbitrary: huge.map((tree) => ({ tree })) },
	),
	spoil: fc.oneof({ weight: 5, arbitrary: fc.constant(never) }, { weight: 1, arbitrary: spoil }),
	sign: fc.oneof(
		{ weight: 9, arbitrary: fc.constant("right" as const) },
		{ weight: 3, arbitrary: fc.constantFrom("wrong", "none", "another body", "upper", "not hex") },
	) as fc.Arbitrary<HookWish["sign"]>,
	time: fc.oneof(
		{ weight: 12, arbitrary: fc.constantFrom(0, 0, 0, -1, 299, -299, 300, -300).map((offS) => ({ offS })) },
		{ weight: 2, arbitrary: fc.constantFrom(301, -301, 86_400, -86_400, 1e11).map((offS) => ({ offS })) },
		{
			weight: 1,
			arbitrary: fc
				.constantFrom("", "0", "-1", "1e9", "NaN", " 1", "1768473045.5", "9".repeat(12), "9".repeat(400), "0x1")
				.map((one) => ({ text: one })),
		},
	),
});
