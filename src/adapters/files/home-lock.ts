import { chmodSync, mkdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HomieError } from "../../resources/errors.ts";
import type { HomePaths } from "../home.ts";
import { atomicWriteSync, removeLeftovers } from "./atomic-write.ts";
import {
  identifyProcess,
  parseIdentity,
  renderIdentity,
  sameProcess,
  type ProcessIdentity,
} from "./process-identity.ts";

/** One process per home. Disposing gives the home back; so does the end of the process, however it ends. */
export interface HomeLock extends Disposable {
  readonly pid: number;
}

/** A starter writes its pid file right after taking the lock; whoever finds it locked waits this long for the number. */
const pidFileWaitMs = 500;
/** A process that was just killed still holds what it held until the kernel has taken it apart. */
const dyingMs = 250;
const sqliteBusy = 5;

/**
 * Takes the home for this process. Throws HomieError AlreadyRunning, naming the holder, within a second.
 *
 * The lock is the kernel's (SQLite's exclusive file lock; Node offers no flock of its own), so a killed holder never
 * leaves one behind and two starters cannot both win. The pid file is for people, and a second guard for the day
 * somebody deletes the lock file of a living daemon.
 */
export function acquireHomeLock(paths: HomePaths): HomeLock {
  mkdirSync(dirname(paths.pid), { recursive: true, mode: 0o700 });
  const lock = lockPatiently(paths);
  for (const directory of [paths.root, dirname(paths.pid), dirname(paths.identity)]) removeLeftovers(directory);
  const self = identifyProcess(process.pid);
  atomicWriteSync(paths.pid, renderIdentity(self), { mode: 0o600 });
  return {
    pid: self.pid,
    [Symbol.dispose]: () => {
      if (!lock.isOpen) return;
      if (readHolder(paths)?.pid === self.pid) unlinkSync(paths.pid);
      lock.close();
    },
  };
}

function lockPatiently(paths: HomePaths): DatabaseSync {
  for (const deadline = performance.now() + dyingMs; ; pause()) {
    const isLast = performance.now() > deadline;
    const lock = lockFile(`${paths.pid}.lock`);
    const holder = readHolder(paths);
    const isHeld = holder !== undefined && holder.pid !== process.pid && sameProcess(holder);
    if (lock !== undefined && !isHeld) return lock;
    lock?.close();
    if (isLast) throw alreadyRunning(paths, (lock === undefined ? waitForHolder(paths) : holder)?.pid);
  }
}

/** Creates what is missing of a home, readable by its owner only, whatever the umask. */
export function ensureHome(paths: HomePaths): void {
  try {
    const isNew = !exists(paths.database);
    for (const directory of homeDirectories(paths)) makePrivate(directory);
    // A home that has been used and lost its desired/ keeps its objects; an empty one would ask to delete them.
    if (isNew && !exists(paths.desired)) makePrivate(paths.desired);
    chmodSync(paths.root, 0o700);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new HomieError("StateUnusable", `cannot use ${paths.root} as a home: ${message}`, {
      hint: "HOMIE_HOME has to be a directory of your own",
      cause: error,
    });
  }
}

function homeDirectories(paths: HomePaths): readonly string[] {
  return [
    paths.root,
    dirname(paths.identity),
    dirname(paths.database),
    paths.results,
    paths.runs,
    dirname(paths.socket),
  ];
}

function makePrivate(directory: string): void {
  if (exists(directory)) return;
  // Not `recursive`: below /proc Node's own recursion never ends.
  if (!exists(dirname(directory))) makePrivate(dirname(directory));
  mkdirSync(directory, { mode: 0o700 });
  chmodSync(directory, 0o700);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The open lock, or undefined when another process (or this one) holds it. */
function lockFile(path: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(path);
  try {
    chmodSync(path, 0o600);
    lock.exec("PRAGMA busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Error && "errcode" in error && error.errcode === sqliteBusy) return undefined;
    throw new HomieError("StateUnusable", `cannot lock ${path}: ${String(error)}`, {
      hint: `remove ${path} if no homie runs`,
      cause: error,
    });
  }
}

function waitForHolder(paths: HomePaths): ProcessIdentity | undefined {
  const deadline = performance.now() + pidFileWaitMs;
  for (;;) {
    const holder = readHolder(paths);
    if ((holder !== undefined && sameProcess(holder)) || performance.now() > deadline) return holder;
    pause();
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}

function readHolder(paths: HomePaths): ProcessIdentity | undefined {
  try {
    return parseIdentity(readFileSync(paths.pid, "utf8"));
  } catch {
    // No file, or a directory in its place: nobody has said who holds the home.
    return undefined;
  }
}

function alreadyRunning(paths: HomePaths, pid: number | undefined): HomieError {
  const who = pid === undefined ? "another process" : `pid ${pid}`;
  return new HomieError("AlreadyRunning", `cannot use ${paths.root}: homie is already running there (${who})`, {
    hint: 'stop it with "homie down", or give this one a home of its own with HOMIE_HOME',
  });
}
