import { createInterface } from "node:readline";
import { openDatabase } from "../../src/node/database.ts";

/* Run as a process of its own: opens each file it is told, at the millisecond it is told, as a starting service does. */
console.log("ready");
for await (const line of createInterface(process.stdin)) {
	const [at, databasePath] = line.split(" ", 2);
	console.log("opening");
	while (Date.now() < Number(at)); // a timer would not be exact enough to meet the other one
	try {
		const db = openDatabase({ databasePath: String(databasePath) });
		await db.close();
		console.log("started");
	} catch (e) {
		console.log(String(e));
	}
}
