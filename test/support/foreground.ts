import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** A daemon that a shell was made ready for. */
export interface Foreground extends AsyncDisposable {
  readonly pid: number;
  /** All it has said so far. */
  said(): string;
  /** MiB, as the kernel counts them. */
  rssMiB(): number;
}

/**
 * Starts `homie up` by a shell that runs `prepare` first; `$0` is Node, so `prepare` must not use it. Resolves when the
 * daemon has said its first word.
 */
export async function startForeground(home: string, prepare: string, env: NodeJS.ProcessEnv = {}): Promise<Foreground> {
  mkdirSync(dirname(home), { recursive: true });
  const argv = ["-c", `${prepare} && exec "$0" "$@"`, process.execPath, main, "up", "--home", home, "--name", "alice"];
  const child = spawn("sh", argv, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => pieces.push(text));
  await firstWord(child, () => pieces.join("").includes("homie is up"));
  const { pid = 0 } = child;
  return {
    pid,
    said: () => pieces.join(""),
    rssMiB: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function firstWord(child: ChildProcess, isUp: () => boolean): Promise<void> {
  while (!isUp()) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode} before it was up`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
