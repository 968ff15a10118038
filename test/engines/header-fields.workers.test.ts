import { expect, inject, it } from "vitest";
import { createFetchHttp } from "../../src/worker/http.ts";
import { FIELDS, fieldsIn } from "../support/header-fields.ts";
import { reaching } from "../support/reach.ts";
import type { Seen } from "../support/workers/receiver.ts";

const { host, log } = inject("receiver");

it("what an endpoint may have as header fields arrives from workerd as it was given", async () => {
	const mark = crypto.randomUUID();
	const http = createFetchHttp(reaching(["127.0.0.0/8"]));
	const request = { method: "POST", body: "{}", deadlineMs: 5000, keepBytes: 100, reach: "public" } as const;
	expect(await http({ ...request, url: `http://${host}/ok/?${mark}`, headers: FIELDS })).toMatchObject({ status: 200 });
	const { connections } = (await (await fetch(`http://${log}/${mark}`)).json()) as Seen;
	const received = connections[0]!.received;
	expect(fieldsIn(received.slice(received.indexOf(mark)).split("\r\n\r\n")[0]!)).toEqual(FIELDS);
});
