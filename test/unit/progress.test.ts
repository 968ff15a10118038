import { expect, it } from "vitest";
import { follow, type Progress } from "../../src/cli/progress.ts";

const running = (recovered: number, total = 400): Progress => ({ state: "running", total, recovered });

/** Watches what is read one after the other, the last one for ever; `breakOff`: at that look. */
async function watch(reads: Progress[], options: { redraws?: boolean; breakOff?: number; stepMs?: number } = {}) {
	let [now, looks, out] = [0, 0, ""];
	const end = await follow({
		read: async () => reads[Math.min(looks++, reads.length - 1)]!,
		now: () => now,
		wait: async (ms) => {
			now += options.stepMs ?? ms;
			if (looks > 1000) throw new Error("it never ends");
		},
		brokenOff: () => looks >= (options.breakOff ?? Number.POSITIVE_INFINITY),
		write: (text) => {
			out += text;
		},
		redraws: options.redraws ?? false,
	});
	return { end, out, now };
}

it("a bar is redrawn on one line of a terminal, and ends it", async () => {
	const { out, end } = await watch([running(0), running(200), { ...running(400), state: "finished" }], { redraws: true });
	expect(out.split("\r").slice(1)).toEqual([
		`[${".".repeat(30)}] 0% 0 of 400 due again\u001b[K`,
		`[${"#".repeat(15)}${".".repeat(15)}] 50% 200 of 400 due again\u001b[K`,
		`[${"#".repeat(30)}] 100% 400 of 400 due again\u001b[K\n`,
	]);
	expect(end).toMatchObject({ state: "finished", recovered: 400 });
});

it("elsewhere it is a line every five seconds, and one at the end", async () => {
	const reads = Array.from({ length: 45 }, (_, i) => running(i));
	const { out } = await watch([...reads, { ...running(46), state: "finished" }]);
	expect(out.match(/\d+ of 400/g)).toEqual(["0 of 400", "20 of 400", "40 of 400", "46 of 400"]);
});

it("of nothing at all it is full", async () => {
	expect((await watch([{ state: "finished", total: 0, recovered: 0 }])).out).toContain("100% 0 of 0");
});

it("broken off it returns what was still running", async () => {
	const { end, out } = await watch([running(100)], { breakOff: 3 });
	expect([end, out.endsWith("\n")]).toEqual([running(100), true]);
});

it("after half a minute without a move it says, once, who does the work", async () => {
	const still = await watch([running(100)], { breakOff: 400 });
	expect(still.out.match(/the running service does the work/g)).toHaveLength(1);
	expect(still.out.indexOf("the running service")).toBeGreaterThan(still.out.indexOf("100 of 400"));
	const moving = await watch(
		Array.from({ length: 400 }, (_, i) => running(i)),
		{ breakOff: 400 },
	);
	expect(moving.out).not.toContain("the running service");
});
