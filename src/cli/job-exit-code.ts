import { exitCodes } from "./exit-codes.ts";
import type { ApiObject } from "./render/objects.ts";

const outOfTime: readonly unknown[] = ["Timeout", "QueueTimeout"];

/** What a finished job makes of `run`, `attach` and `wait --exit-code`: the program's own code where it has one. */
export function exitCodeOfJob(job: ApiObject): number {
  const { phase, reason, exitCode } = job.status ?? {};
  if (phase === "Succeeded") return exitCodes.ok;
  if (phase === "Cancelled") return exitCodes.interrupted;
  if (outOfTime.includes(reason)) return exitCodes.timeout;
  // A program that ended well in a job that failed (an output is missing, say) must not look like success.
  return typeof exitCode === "number" && exitCode !== 0 ? exitCode : exitCodes.infrastructure;
}
