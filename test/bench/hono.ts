/** Bare Hono on the server we use: reads the body as bytes and answers. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono().post("*", async (c) => c.json({ bytes: (await c.req.arrayBuffer()).byteLength }));
const server = createServer(getRequestListener(app.fetch));
server.listen(Number(process.env["PORT"]), "127.0.0.1");
