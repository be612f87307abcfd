import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homePaths } from "../../adapters/home.ts";
import { callApi } from "./api.ts";

/** A daemon of its own, started as a user would and timed from the outside. */
export interface Subject {
  readonly socket: string;
  readonly readyMs: number;
  /** Resident memory in MiB, and seconds of processor time so far, as the kernel counts. */
  usage(): Promise<{ readonly rssMiB: number; readonly cpuSeconds: number }>;
  stop(): Promise<void>;
}

const patienceMs = 30_000;
/** USER_HZ, fixed at 100 in the Linux ABI for /proc. */
const ticksPerSecond = 100;

/** `program`: homie itself, for a bench that is another one; `env`: what it gets on top of this process's. */
export async function startSubject(
  home: string,
  name: string,
  signal: AbortSignal,
  { program = process.argv[1] ?? "", env = {} }: { readonly program?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Subject> {
  const { socket } = homePaths(home);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...process.execArgv, program, "up", "--home", home, "--name", name], {
    stdio: "ignore",
    signal,
    env: { ...process.env, ...env },
  });
  await untilReady(socket, child, startedMs);
  const readyMs = performance.now() - startedMs;
  return {
    socket,
    readyMs,
    usage: () => readUsage(child.pid ?? 0),
    stop: () => stop(child),
  };
}

async function untilReady(socket: string, child: ChildProcess, startedMs: number): Promise<void> {
  for (;;) {
    const answered = await callApi(socket, "GET", "/homie/v1/status").then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode} before it was ready`);
    if (performance.now() - startedMs > patienceMs) throw new Error("the daemon was not ready within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function readUsage(pid: number): Promise<{ readonly rssMiB: number; readonly cpuSeconds: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const rssMiB = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  // Fields after the program's name in brackets, which may hold anything: utime is the 12th of them, stime the 13th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { rssMiB, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("close", () => resolve());
    if (child.exitCode !== null) resolve();
    else child.kill("SIGTERM");
  });
}
