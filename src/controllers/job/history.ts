import type { Attempt } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import type { HistoryEntry } from "../../store/types.ts";

/** What is kept of a finished attempt after the Job is gone. */
export function historyEntry(job: Job, attempt: Attempt, node: string): HistoryEntry {
  const { spec, status } = attempt;
  const failed = status?.reason !== "Completed";
  const runtimeSeconds =
    status?.startedAt === undefined || status.finishedAt === undefined
      ? undefined
      : Math.max(0, Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1_000;
  return {
    job: spec.job.name,
    uid: spec.job.uid,
    attempt: spec.attempt,
    generation: spec.job.generation,
    peer: node,
    role: "self",
    phase: status?.reason === "Cancelled" ? "Cancelled" : failed ? "Failed" : "Succeeded",
    outputs: status?.outputs?.length ?? 0,
    ...(job.spec.script === undefined ? {} : { script: job.spec.script }),
    ...(spec.image === undefined ? {} : { image: spec.image }),
    ...(status?.exitCode === undefined ? {} : { exitCode: status.exitCode }),
    ...(status?.reason === undefined ? {} : { reason: status.reason }),
    ...(status?.startedAt === undefined ? {} : { startTime: status.startedAt }),
    ...(runtimeSeconds === undefined ? {} : { runtimeSeconds }),
    ...(failed && status?.message !== undefined ? { error: status.message } : {}),
  };
}
