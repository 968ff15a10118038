/** The yardstick of `deliver`: the same POSTs through bare undici, as many at once. Arguments: url, count, at once, body bytes. */
import { Agent, request } from "undici";

const [url = "", count = "0", atOnce = "1", bytes = "0"] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 64 });
const body = "x".repeat(Number(bytes));
let left = Number(count);
async function sender(): Promise<void> {
	while (left-- > 0) {
		const answer = await request(url, { method: "POST", body, dispatcher, headers: { "content-type": "application/json" } });
		await answer.body.dump();
	}
}
await Promise.all(Array.from({ length: Number(atOnce) }, sender));
await dispatcher.close();
