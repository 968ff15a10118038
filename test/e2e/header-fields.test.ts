import { expect, it } from "vitest";
import { StaticHeaders } from "../../src/http/schemas/endpoint-headers.ts";
import { createHttp } from "../../src/node/dialer/dialer.ts";
import { FIELDS, fieldsIn } from "../support/header-fields.ts";
import { reaching } from "../support/reach.ts";
import { answering, listen } from "../support/sockets.ts";

it("what an endpoint may have as header fields arrives over a socket as it was given", async () => {
	expect(StaticHeaders.safeParse(FIELDS)).toMatchObject({ success: true, data: FIELDS });
	const server = await listen(answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
	const http = createHttp({ ...reaching(["127.0.0.0/8"]), connectDeadlineMs: 5000 });
	const request = { method: "POST", body: "{}", deadlineMs: 5000, keepBytes: 100, reach: "public" } as const;
	expect(await http({ ...request, url: `http://${server.host}/`, headers: FIELDS })).toMatchObject({ status: 200 });
	expect(fieldsIn(server.connections[0]!.received.split("\r\n\r\n")[0]!)).toEqual(FIELDS);
	await http.close();
	await server.close();
});
