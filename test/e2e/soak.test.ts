import { expect, it } from "vitest";
import { soak } from "./soak.ts";

it("500 jobs while the service is killed five times: every one ends and is told, none is charged or ended twice", {
	timeout: 600_000,
}, async () => {
	const result = await soak({ jobs: 500, kills: 5 });
	console.log(JSON.stringify(result));
	expect(result).toMatchObject({ accepted: 500, terminal: 500, delivered: 500, lost: 0 });
	expect(result).toMatchObject({ double_charges: 0, double_ends: 0, differing_copies: 0, kills: 5 });
});
