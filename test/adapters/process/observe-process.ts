import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attemptPaths } from "../../../src/adapters/home.ts";
import type { HomePaths } from "../../../src/adapters/home.ts";
import { readLog } from "../../../src/adapters/logs/read-log.ts";
import { readJson } from "../../../src/adapters/process/attempt-record.ts";
import type { AttemptRecord } from "../../../src/adapters/process/attempt-record.ts";
import type { Attempt } from "../../../src/resources/attempt.ts";

export async function output(paths: HomePaths, attempt: Attempt): Promise<string[]> {
  const path = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log;
  const frames = await Array.fromAsync(readLog(path));
  return frames
    .filter((frame) => frame.stream !== "eof")
    .map((frame) => `${frame.stream}: ${Buffer.from(frame.bytes).toString()}`);
}

/** Follows the log until the program has printed `text`. */
export async function printed(paths: HomePaths, attempt: Attempt, text: string): Promise<void> {
  const path = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log;
  let seen = "";
  for await (const frame of readLog(path, { follow: true })) {
    seen += Buffer.from(frame.bytes).toString();
    if (seen.includes(text)) return;
  }
  throw new Error(`the program never printed ${text}, only ${seen}`);
}

export function supervisorPid(paths: HomePaths, attempt: Attempt): number {
  return recordOf(paths, attempt).supervisor.pid;
}
export function recordOf(paths: HomePaths, attempt: Attempt): AttemptRecord {
  const record = readJson<AttemptRecord>(
    join(attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).root, "process", "record.json"),
  );
  if (record === undefined) throw new Error("there is no record");
  return record;
}
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
