import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { attemptPaths } from "../../src/adapters/home.ts";
import type { HomePaths } from "../../src/adapters/home.ts";
import type { Runtime } from "../../src/controllers/attempt/ports.ts";
import { createFrameDecoder } from "../../src/logs/frames.ts";
import type { Attempt } from "../../src/resources/attempt.ts";

export interface CapturedLog {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly remarks: readonly string[];
  readonly isComplete: boolean;
}

export async function readLog(paths: HomePaths, attempt: Attempt): Promise<CapturedLog> {
  const file = await readFile(attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log);
  const frames = createFrameDecoder().push(file);
  const bytesOf = (stream: string): Buffer =>
    Buffer.concat(frames.filter((frame) => frame.stream === stream).map(({ bytes }) => bytes));
  return {
    stdout: bytesOf("stdout"),
    stderr: bytesOf("stderr"),
    remarks: frames.filter(({ stream }) => stream === "homie").map(({ bytes }) => Buffer.from(bytes).toString()),
    isComplete: frames.at(-1)?.stream === "eof",
  };
}

export async function readTree(runtime: Runtime, attempt: Attempt): Promise<Readonly<Record<string, string>>> {
  const tree: Record<string, string> = {};
  for await (const entry of runtime.readWorkTree(attempt, AbortSignal.timeout(60_000))) {
    if (entry.body === undefined) {
      tree[entry.path] = "skipped";
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.body) chunks.push(chunk);
    tree[entry.path] = `${Buffer.concat(chunks).toString()}${entry.executable ? " (executable)" : ""}`;
  }
  return tree;
}

/** Looks until it is so; what the engine does has no promise to wait for. */
export async function until(isSo: () => boolean | Promise<boolean>, describeNow: () => string): Promise<void> {
  for (const deadline = performance.now() + 30_000; !(await isSo()); await pause(10)) {
    if (performance.now() > deadline) throw new Error(`nothing happened in 30 s: ${describeNow()}`);
  }
}
