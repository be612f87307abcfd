import type { Attempt, AttemptStatus } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import type { HistoryEntry } from "../../store/types.ts";
import { phaseFor } from "./verdict.ts";

/** What is kept of a finished attempt after the Job is gone. */
export function historyEntry(job: Job, attempt: Attempt, node: string): HistoryEntry {
  const { spec } = attempt;
  const {
    reason,
    exitCode,
    startedAt,
    finishedAt,
    outputs = [],
    message,
  }: Partial<AttemptStatus> = attempt.status ?? {};
  return withoutUndefined({
    job: spec.job.name,
    uid: spec.job.uid,
    attempt: spec.attempt,
    generation: spec.job.generation,
    peer: spec.executor?.peer ?? node,
    role: spec.executor === undefined ? ("self" as const) : ("mooch" as const),
    script: job.spec.script,
    image: spec.image,
    exitCode,
    phase: phaseFor(reason),
    reason,
    startTime: startedAt,
    endTime: finishedAt,
    runtimeSeconds: secondsBetween(startedAt, finishedAt),
    outputs: outputs.length,
    error: reason === "Completed" ? undefined : message,
  });
}

/** To the millisecond; undefined unless both ends are known. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, Date.parse(to) - Date.parse(from)) / 1_000;
}
