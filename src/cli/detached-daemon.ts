import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { createClient } from "./client.ts";
import { isListening } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { runningPid } from "./daemon-process.ts";
import { exitCodes } from "./exit-codes.ts";
import { HomieError } from "../resources/errors.ts";
import { safeBlock, safeLine } from "./render/safe-text.ts";
import { openSocketTransport } from "./socket-transport.ts";

const patienceMs = 30_000;
const pauseMs = 50;
const shownLogBytes = 4096;

/**
 * glibc keeps memory for each of Node's threads apart, and what was freed for the next time: with this it is 5 MiB less, of a
 * daemon that is idle nearly always (https://man7.org/linux/man-pages/man3/mallopt.3.html). Other C libraries pass over it.
 * 32 KiB is what V8's compilers take at a time: mapped each on its own, such pieces are given back when they are through.
 */
export const thriftyMalloc: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "32768",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/** Starts `homie up` in a session of its own and answers when it is ready for requests. */
export async function startDetached(context: CommandContext, name: string | undefined): Promise<number> {
  const { paths, home, terminal, mainFile } = context;
  const pid = await runningPid(context);
  if (pid !== undefined)
    throw new HomieError("AlreadyRunning", `a daemon is running already (pid ${pid})`, {
      hint: "`homie status` tells more, `homie down` stops it",
    });
  const log = await openLog(home, paths.log);
  try {
    const logStart = (await log.stat()).size;
    const args = [...process.execArgv, mainFile, "up", "--home", home, ...(name === undefined ? [] : ["--name", name])];
    const child = spawn(process.execPath, args, {
      detached: true,
      cwd: home,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...thriftyMalloc, ...terminal.env, NO_COLOR: "1" },
    });
    const outcome = await awaitReady(context, child);
    child.unref();
    if (outcome !== "ready") {
      await terminal.errors.write(await readLogEnd(paths.log, logStart));
      const what =
        outcome === "ended"
          ? "the daemon ended before it was ready"
          : `the daemon is not ready after ${patienceMs / 1000} s`;
      throw new HomieError("ProcessFailed", what, { hint: `its whole log is in ${paths.log}` });
    }
    await terminal.output.write(`${safeLine(`homie is up (pid ${child.pid ?? 0}); its log is in ${paths.log}`)}\n`);
    return exitCodes.ok;
  } finally {
    await log.close();
  }
}

async function openLog(home: string, path: string): ReturnType<typeof open> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const log = await open(path, "a", 0o600);
    await log.chmod(0o600);
    return log;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HomieError("StateUnusable", `cannot write below ${home}: ${code ?? String(error)}`, {
      hint: "choose another place with --home DIR or HOMIE_HOME",
      cause: error,
    });
  }
}

async function awaitReady(context: CommandContext, child: ChildProcess): Promise<"ready" | "ended" | "late"> {
  const { terminal, paths } = context;
  const ended = new Promise<"ended">((resolve) => {
    child.once("error", () => resolve("ended"));
    child.once("exit", () => resolve("ended"));
  });
  const deadline = terminal.now().getTime() + patienceMs;
  while (terminal.now().getTime() < deadline) {
    const step = await Promise.race([ended, isReady(context, paths.socket)]);
    if (step === "ended") return "ended";
    if (step) return "ready";
    await terminal.sleep(pauseMs, terminal.interrupt);
  }
  return "late";
}

async function isReady(context: CommandContext, socketPath: string): Promise<boolean> {
  if (!(await isListening(socketPath))) return false;
  const client = createClient(openSocketTransport(socketPath), context.terminal.interrupt);
  try {
    const response = await client.send({ method: "GET", path: "/readyz" });
    for await (const _chunk of response.body) continue;
    return true;
  } catch (error) {
    if (error instanceof HomieError) return false; // not ready yet: it says so with a Status, or has not begun to listen
    throw error;
  }
}

async function readLogEnd(path: string, start: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - shownLogBytes);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    await file.read(bytes, 0, bytes.length, from);
    const text = safeBlock(bytes.toString());
    return text === "" || text.endsWith("\n") ? text : `${text}\n`;
  } finally {
    await file.close();
  }
}
