import type { Attempt } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import type { JobAction, JobActual } from "./actions.ts";
import { isTombstone, judge } from "./verdict.ts";

/** The next steps of one Job. Pure: its spec, its attempts, the cancel wish, free capacity and the time decide. */
export function planJob(job: Job, actual: JobActual, now: Date): readonly JobAction[] {
  const verdict = judge(job, actual, now);
  switch (verdict.type) {
    case "Deleting":
      return actual.attempts.every(isTombstone) ? [{ type: "DropFinalizer" }] : deleteAll(actual.attempts);
    case "Over":
      return planOver(job, actual, now);
    case "Publish":
      return [{ type: "PublishOutputs", name: verdict.attempt.metadata.name }];
    case "Active":
      return planActive(verdict.attempt, verdict.stop);
    case "Superseded":
      return verdict.attempts.flatMap(planSuperseded);
    case "Hold":
      return releaseFinished(actual);
    case "Next":
      return planNext(verdict.attempt, actual);
  }
}

/** When, told from `now`, a finished Job with a ttl is deleted; in milliseconds since the epoch. */
export function expiryOf(job: Job, actual: JobActual, now: Date): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec;
  const finished = job.status?.completionTime;
  if (ttlSecondsAfterFinished === undefined || finished === undefined) return undefined;
  const elapsedMs = actual.elapsedMs?.completed ?? now.getTime() - Date.parse(finished);
  return now.getTime() + ttlSecondsAfterFinished * 1_000 - elapsedMs;
}

function planOver(job: Job, actual: JobActual, now: Date): readonly JobAction[] {
  // The verdict has to be durable in status before anything it rests on may go.
  if (job.status?.observedGeneration !== job.metadata.generation || job.status.completionTime === undefined) return [];
  const release = releaseFinished(actual);
  if (release.length > 0) return release;
  const expiry = expiryOf(job, actual, now);
  return expiry !== undefined && now.getTime() >= expiry ? [{ type: "DeleteJob" }] : [];
}

function planActive(
  attempt: Attempt,
  stop: { readonly reason: "Cancelled" | "Suspended"; readonly message: string } | undefined,
): readonly JobAction[] {
  if (stop === undefined || attempt.spec.stop !== undefined) return [];
  return [{ type: "StopAttempt", name: attempt.metadata.name, ...stop }];
}

function planSuperseded(attempt: Attempt): readonly JobAction[] {
  const { name } = attempt.metadata;
  if (attempt.metadata.deletionTimestamp !== undefined) return [];
  if (attempt.status?.phase === "Finished") {
    const release: JobAction[] = attempt.spec.release === true ? [] : [{ type: "ReleaseAttempt", name }];
    return [...release, { type: "DeleteAttempt", name }];
  }
  if (attempt.spec.stop !== undefined) return [];
  return [{ type: "StopAttempt", name, reason: "Superseded", message: "the job's spec has changed" }];
}

function planNext(attempt: number, actual: JobActual): readonly JobAction[] {
  const release = releaseFinished(actual);
  const { template, admission, placement } = actual;
  if (template?.ok !== true || placement?.chosen === undefined) return release;
  const { chosen } = placement;
  if (!chosen.facts.own)
    return [...release, { type: "Reserve", attempt, template: template.template, candidate: chosen }];
  if (admission?.admitted !== true || template.engineProblem !== undefined) return release;
  if (actual.behind === true || actual.snoozedUntil !== undefined) return release;
  return [...release, { type: "CreateAttempt", attempt, template: template.template }];
}

function releaseFinished(actual: JobActual): readonly JobAction[] {
  return actual.attempts
    .filter(
      ({ status, spec, metadata }) =>
        status?.phase === "Finished" && spec.release !== true && metadata.deletionTimestamp === undefined,
    )
    .map(({ metadata }) => ({ type: "ReleaseAttempt", name: metadata.name }) as const);
}

function deleteAll(attempts: readonly Attempt[]): readonly JobAction[] {
  return attempts
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => ({ type: "DeleteAttempt", name: metadata.name }));
}
