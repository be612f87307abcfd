import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, readFileSync, writeSync } from "node:fs";
import { link, rm, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { openLogWriter } from "../logs/log-writer.ts";
import type { LogWriter } from "../logs/log-writer.ts";
import { replaceFile } from "../project/replace-file.ts";
import type { AttemptRecord, LaunchOrder } from "./attempt-record.ts";
import { readJson, timestamp } from "./attempt-record.ts";
import { findProgram } from "./find-program.ts";
import { identifyProcess, signalGroup } from "./process-identity.ts";
import { killStrays } from "./strays.ts";

/*
 * A process of its own, one for each attempt, that outlives the daemon: starts the program, writes its log, keeps the
 * record. Started as `node supervisor.ts LAUNCH_FILE`; closes its stdout when the program has started or cannot.
 */

type Exit = NonNullable<AttemptRecord["exit"]>;

async function supervise(order: LaunchOrder): Promise<void> {
  const stop = new StopRequest(order.stop);
  process.on("SIGTERM", () => stop.arrive());
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error("this process cannot be identified");
  let record: AttemptRecord = { supervisor: self, startedAt: timestamp(new Date()) };
  if (!(await takeLock(order.record, record))) return;
  const log = await openLogWriter(order.log);
  const child = startProgram(order);
  const exited = child instanceof Error ? undefined : watchProgram(child, log);
  if (!(child instanceof Error) && child.pid !== undefined) {
    const program = identifyProcess(child.pid);
    if (program !== undefined) record = { ...record, program };
    await replaceFile(order.record, JSON.stringify(record));
    stop.attach(child.pid);
  }
  if (exited === undefined || child instanceof Error) {
    record = await conclude({ order, log, record }, startFailure(child));
    announce();
    return;
  }
  announce();
  const exit = await exited;
  if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
  killStrays(order.temporary);
  await drained(child);
  await conclude({ order, log, record }, exit);
}

/** Makes the record exist, complete, or finds that another supervisor was first. link(2) is the atomic step. */
async function takeLock(path: string, record: AttemptRecord): Promise<boolean> {
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, JSON.stringify(record), { mode: 0o600, flush: true });
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(mine, { force: true });
  }
}

function startProgram(order: LaunchOrder): ChildProcess | Error {
  const [name = "", ...args] = order.argv;
  const program = findProgram(name, order.env["PATH"] ?? "", order.cwd);
  if (program instanceof Error) return program;
  const [command = program, ...rest] = [...order.wrapper, program, ...args];
  try {
    return spawn(command, rest, {
      cwd: order.cwd,
      env: order.env,
      // A session of its own: stop reaches all it starts, and no terminal can be taken over.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    return error as Error;
  }
}

function watchProgram(child: ChildProcess, log: LogWriter): Promise<Exit> {
  for (const stream of ["stdout", "stderr"] as const) copyToLog(child[stream], stream, log);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(startFailure(error)));
    child.once("exit", (code, signal) => {
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve({ exitCode, finishedAt: timestamp(new Date()), ...(signal === null ? {} : { signal }) });
    });
  });
}

function copyToLog(output: Readable | null, stream: "stdout" | "stderr", log: LogWriter): void {
  output?.on("data", (bytes: Buffer) => {
    const pause = log.write(stream, bytes);
    if (pause === undefined) return;
    output.pause();
    void pause.then(() => output.resume());
  });
  // A reading error ends the stream; what was read before is in the log.
  output?.on("error", (error) => log.remark(`reading ${stream} failed: ${error.message}`));
}

/** Resolves when both pipes are at their end; whoever still holds one open after two seconds is not waited for. */
async function drained(child: ChildProcess): Promise<void> {
  const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null && !pipe.closed);
  if (pipes.length === 0) return;
  const late = setTimeout(() => pipes.forEach((pipe) => pipe?.destroy()), 2000);
  await Promise.all(pipes.map((pipe) => new Promise<void>((resolve) => pipe?.once("close", () => resolve()))));
  clearTimeout(late);
}

function startFailure(cause: ChildProcess | Error): Exit {
  const error = cause instanceof Error ? (cause as NodeJS.ErrnoException) : new Error("the program did not start");
  // As shells have it: 127 not found, 126 found but not to be run.
  const exitCode = (error as NodeJS.ErrnoException).code === "ENOENT" ? 127 : 126;
  return { exitCode, finishedAt: timestamp(new Date()), startError: error.message };
}

interface Ending {
  readonly order: LaunchOrder;
  readonly log: LogWriter;
  readonly record: AttemptRecord;
}

/** The log first: whoever sees the exit finds the log complete. */
async function conclude({ order, log, record }: Ending, exit: Exit): Promise<AttemptRecord> {
  const finished = { ...record, exit };
  await untilWritten(() => log.finish());
  await untilWritten(() => replaceFile(order.record, JSON.stringify(finished)));
  return finished;
}

/** A full disk is waited out: this process is the only one that knows how the program ended. */
async function untilWritten(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      if (readFileIsGone((error as Error).cause ?? error)) return;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** The attempt was removed under our hands: nobody wants to know any more. */
function readFileIsGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

class StopRequest {
  readonly #orderFile: string;
  #group: number | undefined;
  #wanted = false;
  #killAtMs = Number.POSITIVE_INFINITY;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(orderFile: string) {
    this.#orderFile = orderFile;
  }

  arrive(): void {
    this.#wanted = true;
    if (this.#group === undefined) return;
    const group = this.#group;
    const graceSeconds = readJson<{ readonly graceSeconds: number }>(this.#orderFile)?.graceSeconds ?? 10;
    signalGroup(group, "SIGTERM");
    const killAtMs = performance.now() + graceSeconds * 1000;
    // Asking twice never gives a program more time than it was given first.
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => signalGroup(group, "SIGKILL"), graceSeconds * 1000);
    this.#killTimer.unref();
  }

  attach(group: number): void {
    this.#group = group;
    if (this.#wanted) this.arrive();
  }
}

/** Tells the daemon, if it is still there, that the record says how the start went. */
function announce(): void {
  try {
    writeSync(1, "recorded\n");
    closeSync(1);
  } catch {
    // The daemon is gone; its successor reads the record.
  }
}

await supervise(JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as LaunchOrder);
process.exit(0);
