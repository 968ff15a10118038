import type { Db } from "../../src/db/db.ts";

/** A database that knows how many calls are under way: one in another process takes as long over each as it likes. */
export function counted(db: Db) {
	let busy = 0;
	const count = async <T>(call: Promise<T>): Promise<T> => {
		busy++;
		try {
			return await call;
		} finally {
			busy--;
		}
	};
	const turn = () => new Promise((resolve) => setImmediate(resolve));
	return {
		db: { ...db, read: (query) => count(db.read(query)), batch: (work) => count(db.batch(work)) } as Db,
		/** Until the last call is answered: none reaches into the next test. */
		idle: async () => {
			while (busy > 0) await turn();
		},
		/** Lets everything that is ready run; no time passes. */
		settle: async () => {
			for (let quiet = 0; quiet < 5; quiet = busy > 0 ? 0 : quiet + 1) await turn();
		},
	};
}
