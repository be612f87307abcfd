import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Attempt } from "../../resources/attempt.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** Where one attempt of the process runtime lives. */
export interface ProcessPaths {
  readonly root: string;
  readonly log: string;
  readonly inputs: string;
  readonly work: string;
  readonly temporary: string;
  /** Everything below is in this directory, which is watched. */
  readonly directory: string;
  /** Written when staging is complete: the attempt exists. */
  readonly created: string;
  /** What the supervisor is to run; written by the daemon just before. */
  readonly launch: string;
  /** Written by the supervisor; making it is the run-once lock. */
  readonly record: string;
  /** How long the program may take to stop; written by the daemon, read by the supervisor at SIGTERM. */
  readonly stop: string;
  readonly supervisorErrors: string;
  /** Node's compile cache for supervisors, one for the whole home. */
  readonly codeCache: string;
}

export function processPaths(paths: HomePaths, uid: string, attempt: number): ProcessPaths {
  const { root, log, inputs, work } = attemptPaths(paths, uid, attempt);
  const directory = join(root, "process");
  return {
    root,
    log,
    inputs,
    work,
    directory,
    temporary: join(root, "tmp"),
    created: join(directory, "created.json"),
    launch: join(directory, "launch.json"),
    record: join(directory, "record.json"),
    stop: join(directory, "stop.json"),
    supervisorErrors: join(directory, "supervisor.err"),
    codeCache: join(dirname(paths.socket), "code-cache"),
  };
}

export function pathsOf(paths: HomePaths, attempt: Attempt): ProcessPaths {
  return processPaths(paths, attempt.spec.job.uid, attempt.spec.attempt);
}

export interface CreatedMark {
  readonly name: string;
  readonly nodeId: string;
  readonly job: string;
  readonly specSha256: string;
  readonly gpus?: readonly string[];
}

export interface LaunchOrder {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: string;
  readonly temporary: string;
  readonly record: string;
  readonly stop: string;
  /** prlimit and its options, or nothing where it is not installed. */
  readonly wrapper: readonly string[];
}

/** What the supervisor made durable; each write replaces the file. */
export interface AttemptRecord {
  readonly supervisor: ProcessIdentity;
  readonly program?: ProcessIdentity;
  readonly startedAt: string;
  readonly exit?: {
    readonly exitCode: number;
    readonly finishedAt: string;
    readonly signal?: string;
    readonly startError?: string;
  };
}

/** Undefined when there is no such file; files are only ever replaced whole. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR")
      return undefined;
    throw error;
  }
}

/** RFC 3339 in UTC to the millisecond, so that run times are true. */
export function timestamp(date: Date): string {
  return date.toISOString();
}
