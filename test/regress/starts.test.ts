import { readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { keepsItsKey, openSecretbox } from "../../src/node/secrets.ts";
import { freshSqlite } from "../support/sqlite.ts";

it("a database whose key was lost gets no new one, which would open nothing", async () => {
	const { file, close } = freshSqlite();
	const config = { databasePath: file, masterKeys: undefined };
	expect(() => keepsItsKey(config)).toThrow(/no master key at .*jobhook\.key: put the one back/);
	openSecretbox(config);
	expect(() => keepsItsKey(config)).not.toThrow();
	rmSync(path.join(path.dirname(file), "jobhook.key"));
	expect(() => keepsItsKey({ ...config, masterKeys: [Buffer.alloc(32)] })).not.toThrow();
	await close();
});

it("the key file is whole or not there: nothing is left of the making", async () => {
	const { file, close } = freshSqlite();
	const one = openSecretbox({ databasePath: file, masterKeys: undefined });
	const place = { table: "t", column: "c", row: "r", app: "a" };
	expect(openSecretbox({ databasePath: file, masterKeys: undefined }).open(one.seal("x", place), place)).toBe("x");
	expect(readdirSync(path.dirname(file)).filter((name) => name.startsWith("jobhook.key"))).toEqual(["jobhook.key"]);
	writeFileSync(path.join(path.dirname(file), "jobhook.key"), "");
	expect(() => openSecretbox({ databasePath: file, masterKeys: undefined })).toThrow(/does not hold a master key/);
	await close();
});

it("a key from a mounted file loses its line break; one that no header can carry is refused at start", () => {
	expect(loadConfig({ DEAPI_API_KEY: "sk-1\n" }).deapiApiKey).toBe("sk-1");
	expect(() => loadConfig({ DEAPI_API_KEY: "sk-ключ" })).toThrow(/DEAPI_API_KEY must be printable ASCII/);
	expect(() => loadConfig({ PUBLIC_URL: "https://example.com/?a=b#c" })).toThrow(/PUBLIC_URL must have no query/);
});
