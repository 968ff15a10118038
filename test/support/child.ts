import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

/**
 * A script of this folder as a process of its own, killed with the test at the latest. It says lines and is told lines.
 * `fileBlocks`: no file it writes may grow past so many blocks of 512 bytes.
 */
export function child(script: string, args: string[], options: { fileBlocks?: number } = {}) {
	const command = [process.execPath, path.join(import.meta.dirname, script), ...args];
	const limit = options.fileBlocks === undefined ? "" : `ulimit -f ${options.fileBlocks}; `;
	const started = spawn("sh", ["-c", `${limit}exec "$0" "$@"`, ...command], { stdio: ["pipe", "pipe", "inherit"] });
	const gone = new Promise<void>((resolve) => started.once("close", () => resolve()));
	const lines = createInterface(started.stdout)[Symbol.asyncIterator]();
	const kill = async () => {
		started.kill("SIGKILL");
		await gone;
	};
	onTestFinished(kill);
	return {
		/** The next line it says; empty when it is gone. */
		said: async (): Promise<string> => String((await lines.next()).value ?? ""),
		tell: (line: string) => void started.stdin.write(`${line}\n`),
		kill,
	};
}
export type Child = ReturnType<typeof child>;
