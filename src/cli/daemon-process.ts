import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { createClient } from "./client.ts";
import { isListening } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { HomieError } from "../resources/errors.ts";
import { openSocketTransport } from "./socket-transport.ts";

/** The pid of the daemon of this home, if one runs: what it says itself, or what its lock file says if that holds. */
export async function runningPid(context: CommandContext): Promise<number | undefined> {
  const written = await readPid(context.paths.pid);
  if (await isListening(context.paths.socket)) return (await askPid(context)) ?? written;
  if (written === undefined || !isAlive(written)) return undefined;
  // A pid is given to another program sooner or later: only a process that was started as `homie up` counts.
  return isDaemonCommand(await readCommandLine(written)) ? written : undefined;
}

async function askPid(context: CommandContext): Promise<number | undefined> {
  const client = createClient(
    openSocketTransport(context.paths.socket),
    AbortSignal.any([context.terminal.interrupt, AbortSignal.timeout(1000)]),
  );
  try {
    return (await client.call<{ readonly pid: number }>({ path: "/homie/v1/status" })).pid;
  } catch {
    return undefined; // stuck or starting: the lock file knows the pid, too
  }
}

async function readPid(path: string): Promise<number | undefined> {
  try {
    const pid = Number(/\d+/u.exec(await readFile(path, "utf8"))?.[0]);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new HomieError("StateUnusable", `cannot read ${path}`, { cause: error });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Ended, but kept in the process table: in containers whose first process never reaps, that is for ever. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/su.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // no /proc, or gone between the two looks: the next look finds out
  }
}

/** Words of the command line; empty when it cannot be told. */
async function readCommandLine(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch {
    // No /proc (macOS): ask ps, and take no answer for "not ours".
    const { stdout } = await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({
      stdout: "",
    }));
    return stdout.trim().split(/\s+/u);
  }
}

export function isDaemonCommand(words: readonly string[]): boolean {
  const script = words.findIndex((word) => /(?:^|[/\\])(?:main\.(?:ts|js)|homie(?:\.js)?)$/u.test(word));
  return script !== -1 && words.slice(script + 1).includes("up");
}
