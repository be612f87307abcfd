import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { followApi } from "../../src/daemon/bench/api.ts";
import type { Job } from "../../src/resources/job.ts";

export const nameOf = (index: number): string => `many-${String(index).padStart(5, "0")}`;
/** Under `desired/`. */
export const pathOf = (index: number): string =>
  join("jobs", String(Math.floor(index / 1_000)), `${nameOf(index)}.yaml`);

/** A Job that never runs, as somebody might have written it. */
const textOf = (index: number, version: string): string =>
  [
    "apiVersion: homie.dev/v1",
    "kind: Job",
    `metadata: {name: ${nameOf(index)}}`,
    "spec:",
    "  image: busybox   # small",
    `  command: [echo, "${version}"]`,
    "  suspend: true",
    "",
  ].join("\n");

export function writeJobs(desired: string, indices: readonly number[], version: string): void {
  for (const index of indices) {
    const path = join(desired, pathOf(index));
    mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(path, textOf(index, version));
  }
}

export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** `desired/` becomes a git repository with branches `main`, as it is, and `other`, where those Jobs have that version. */
export function commitSwap(desired: string, indices: readonly number[], version: string): void {
  git(desired, "init", "-q", "-b", "main");
  git(desired, "add", "-A");
  commit(desired);
  git(desired, "checkout", "-q", "-b", "other");
  writeJobs(desired, indices, version);
  git(desired, "add", "-A");
  commit(desired);
  git(desired, "checkout", "-q", "main");
}

export function git(directory: string, ...args: readonly string[]): void {
  execFileSync("git", args, { cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
}

function commit(directory: string): void {
  git(directory, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "jobs");
}

/** What a watch of all Jobs has shown so far; costs the daemon no lists. */
export interface Shown {
  readonly jobs: ReadonlyMap<string, Job>;
  /** Resolves when as many show it. Throws when they do not within that time. */
  until(count: number, isSo: (job: Job) => boolean, patienceMs: number): Promise<void>;
  close(): void;
}

export async function watchJobs(socket: string): Promise<Shown> {
  const jobs = new Map<string, Job>();
  let answer: IncomingMessage | undefined;
  let closed = false;
  const follow = async (): Promise<void> => {
    answer = await followApi(socket, "/apis/homie.dev/v1/jobs?watch=true");
    let rest = "";
    answer.on("error", () => undefined);
    answer.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(jobs, JSON.parse(line) as WatchEvent);
    });
    // A watch that is too far behind is ended; the next one begins with all there is.
    answer.once("close", () => {
      if (!closed) void follow();
    });
  };
  await follow();
  return {
    jobs,
    until: async (count, isSo, patienceMs) => {
      const endMs = performance.now() + patienceMs;
      for (;;) {
        const found = [...jobs.values()].filter(isSo).length;
        if (found >= count) return;
        if (performance.now() > endMs) throw new Error(`${found} of ${count} Jobs after ${patienceMs} ms`);
        await sleep(20);
      }
    },
    close: () => {
      closed = true;
      answer?.destroy();
    },
  };
}

interface WatchEvent {
  readonly type: string;
  readonly object: Job;
}

function take(jobs: Map<string, Job>, { type, object }: WatchEvent): void {
  if (type === "DELETED") jobs.delete(object.metadata.name);
  else if (type === "ADDED" || type === "MODIFIED") jobs.set(object.metadata.name, object);
}
