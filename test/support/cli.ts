import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { ROOT } from "./launch.ts";

export interface Ran {
	code: number | null;
	out: string;
	err: string;
}

/** The built `jobhook` command as a process of its own, with nothing in its environment but what is given. */
export async function jobhook(args: string[], options: { cwd?: string; env?: Record<string, string>; input?: string } = {}): Promise<Ran> {
	const child = spawn(process.execPath, [path.join(ROOT, "dist/cli.js"), ...args], {
		cwd: options.cwd ?? ROOT,
		env: { PATH: process.env["PATH"] ?? "", ...options.env },
	});
	let [out, err] = ["", ""];
	child.stdout.on("data", (chunk) => {
		out += chunk;
	});
	child.stderr.on("data", (chunk) => {
		err += chunk;
	});
	child.stdin.on("error", () => {}); // a command that reads nothing is gone before
	child.stdin.end(options.input ?? "");
	const [code] = (await once(child, "close")) as [number | null];
	return { code, out, err };
}

/** The one line of JSON that a command with `--json` says. */
export function jsonOf<T = Record<string, unknown>>({ out }: Ran): T {
	if (out.trimEnd().split("\n").length !== 1) throw new Error(`not one line: ${out}`);
	return JSON.parse(out) as T;
}
