import type { Attempt, AttemptReason } from "../../resources/attempt.ts";
import type { Job, JobPhase } from "../../resources/job.ts";
import type { JobActual } from "./actions.ts";

/** What the attempts so far mean for the Job, before anybody acts on it. */
export type Verdict =
  | { readonly type: "Deleting" }
  | {
      readonly type: "Over";
      readonly phase: TerminalPhase;
      readonly reason: string;
      readonly message: string;
      readonly attempt?: Attempt;
    }
  | { readonly type: "Publish"; readonly attempt: Attempt }
  | {
      readonly type: "Active";
      readonly attempt: Attempt;
      readonly stop?: { readonly reason: "Cancelled" | "Suspended"; readonly message: string };
    }
  | { readonly type: "Superseded"; readonly attempts: readonly Attempt[] }
  | { readonly type: "Hold"; readonly reason: string; readonly message: string; readonly untilMs?: number }
  | { readonly type: "Next"; readonly attempt: number };

export type TerminalPhase = Extract<JobPhase, "Succeeded" | "Failed" | "Cancelled">;

const retryFirstMs = 10_000;
const retryMaxMs = 300_000;
/** What is not the program's fault does not count against backoffLimit, but it ends somewhere. */
const maxLost = 5;
const lostReasons: ReadonlySet<AttemptReason> = new Set([
  "ContainerLost",
  "PeerLost",
  "ReservationLost",
  "LeaseExpired",
]);
const finalReasons: ReadonlySet<AttemptReason> = new Set(["StageFailed", "OutputMissing", "OutputTooLarge"]);

/** Pure; the first rule that applies decides. */
export function judge(job: Job, actual: JobActual, now: Date): Verdict {
  if (job.metadata.deletionTimestamp !== undefined) return { type: "Deleting" };
  const over = terminalStatus(job);
  if (over !== undefined) return over;
  const { generation } = job.metadata;
  const older = actual.attempts.filter(
    (attempt) => attempt.spec.job.generation !== generation && !isTombstone(attempt),
  );
  if (older.length > 0) return { type: "Superseded", attempts: older };
  const newest = actual.attempts.filter((attempt) => !isTombstone(attempt)).at(-1);
  if (newest !== undefined && newest.status?.phase !== "Finished") return judgeActive(job, actual, newest);
  if (newest !== undefined && !endedBySuspension(newest)) return judgeFinished(job, actual, newest, now);
  return judgeWaiting(job, actual, newest, now);
}

/** Over here; what is left is to tell an executor that is away. Nobody waits for that. */
export function isTombstone({ metadata, spec, status }: Attempt): boolean {
  return spec.executor !== undefined && metadata.deletionTimestamp !== undefined && status?.phase === "Finished";
}

export function terminalStatus(job: Job): Extract<Verdict, { type: "Over" }> | undefined {
  const { status, metadata } = job;
  if (status?.observedGeneration !== metadata.generation) return undefined;
  if (status.phase !== "Succeeded" && status.phase !== "Failed" && status.phase !== "Cancelled") return undefined;
  return { type: "Over", phase: status.phase, reason: status.reason ?? status.phase, message: status.message ?? "" };
}

function judgeActive(job: Job, actual: JobActual, attempt: Attempt): Verdict {
  if (actual.cancel !== undefined) {
    return { type: "Active", attempt, stop: { reason: "Cancelled", message: actual.cancel.message } };
  }
  if (job.spec.suspend === true)
    return { type: "Active", attempt, stop: { reason: "Suspended", message: "spec.suspend is true" } };
  return { type: "Active", attempt };
}

function judgeFinished(job: Job, actual: JobActual, attempt: Attempt, now: Date): Verdict {
  const reason = attempt.status?.reason ?? "ContainerLost";
  const message = attempt.status?.message ?? "";
  if (!mayRetry(job, actual, reason)) {
    if (actual.published === undefined && hasOutputs(attempt)) return { type: "Publish", attempt };
    return { type: "Over", phase: phaseFor(reason), reason, message, attempt };
  }
  if (actual.cancel !== undefined)
    return { type: "Over", phase: "Cancelled", reason: "Cancelled", message: actual.cancel.message, attempt };
  const untilMs = now.getTime() + retryDelayMs(failuresOf(actual)) - endedMsAgo(attempt, actual, now);
  if (now.getTime() >= untilMs) return { type: "Next", attempt: attempt.spec.attempt + 1 };
  return {
    type: "Hold",
    reason: "BackingOff",
    message: `attempt ${attempt.spec.attempt} failed (${reason}: ${message}); trying again`,
    untilMs,
  };
}

function endedMsAgo(attempt: Attempt, actual: JobActual, now: Date): number {
  const byWallClock = now.getTime() - Date.parse(attempt.status?.finishedAt ?? now.toISOString());
  return actual.elapsedMs?.attemptEnded ?? byWallClock;
}

function judgeWaiting(job: Job, actual: JobActual, newest: Attempt | undefined, now: Date): Verdict {
  if (actual.cancel !== undefined)
    return { type: "Over", phase: "Cancelled", reason: "Cancelled", message: actual.cancel.message };
  const hold = holdOf(job, actual.node);
  if (hold !== undefined) return hold;
  const expiry = queueExpiry(job, actual, now);
  if (newest === undefined && expiry !== undefined && now.getTime() >= expiry) {
    return {
      type: "Over",
      phase: "Failed",
      reason: "QueueTimeout",
      message: `no machine took it within ${job.spec.queueTimeoutSeconds} s`,
    };
  }
  if (actual.template?.ok === false && !actual.template.fixable) {
    return { type: "Over", phase: "Failed", reason: actual.template.reason, message: actual.template.message };
  }
  return { type: "Next", attempt: (newest?.spec.attempt ?? lastAttempt(job)) + 1 };
}

/** What the Job itself says against running here and now. */
function holdOf({ spec }: Job, node: string): Verdict | undefined {
  if (spec.submitter !== undefined && spec.submitter !== node) {
    const message = `spec.submitter names ${spec.submitter}; this is ${node}`;
    return { type: "Hold", reason: "NotSubmitter", message };
  }
  if (spec.suspend === true) return { type: "Hold", reason: "Suspended", message: "spec.suspend is true" };
  return undefined;
}

/** Attempt numbers go on over generations, so that a container's name is never used twice. */
function lastAttempt(job: Job): number {
  return job.status?.attempt ?? 0;
}

export function queueExpiry(job: Job, actual: JobActual, now: Date): number | undefined {
  const { queueTimeoutSeconds } = job.spec;
  if (queueTimeoutSeconds === undefined) return undefined;
  const waitedMs = actual.elapsedMs?.waiting ?? now.getTime() - Date.parse(waitingSince(job));
  return now.getTime() + queueTimeoutSeconds * 1_000 - waitedMs;
}

/** When this generation was first seen. */
export function waitingSince(job: Job): string {
  const accepted = job.status?.conditions?.find(({ type }) => type === "Accepted");
  const seen = job.status?.observedGeneration === job.metadata.generation;
  return (seen ? accepted?.lastTransitionTime : undefined) ?? job.metadata.creationTimestamp;
}

function endedBySuspension(attempt: Attempt): boolean {
  return attempt.status?.reason === "Suspended";
}

function mayRetry(job: Job, actual: JobActual, reason: AttemptReason): boolean {
  if (reason === "Completed" || reason === "Cancelled" || reason === "Deleted" || finalReasons.has(reason))
    return false;
  if (lostReasons.has(reason)) {
    const lost = actual.attempts.filter((attempt) => lostReasons.has(attempt.status?.reason ?? "Completed")).length;
    // A container that is gone may have done its work. The other ways to be lost prove that nothing runs any more: the
    // executor has stopped it, never began it, or its lease is over.
    return (job.spec.guarantee !== "AtMostOnce" || reason !== "ContainerLost") && lost <= maxLost;
  }
  return failuresOf(actual) <= (job.spec.backoffLimit ?? 0);
}

function failuresOf(actual: JobActual): number {
  const counted = actual.attempts.filter(
    ({ status }) =>
      status?.phase === "Finished" &&
      status.reason !== "Suspended" &&
      (status.reason === undefined || !lostReasons.has(status.reason)),
  );
  return counted.length;
}

export function retryDelayMs(failures: number): number {
  return failures < 1 ? 0 : Math.min(retryMaxMs, retryFirstMs * 2 ** (failures - 1));
}

function hasOutputs(attempt: Attempt): boolean {
  return (attempt.status?.outputs ?? []).length > 0;
}

/** The phase of a Job whose last attempt ended so; an attempt without a reason has not ended well. */
export function phaseFor(reason: AttemptReason | undefined): TerminalPhase {
  if (reason === "Completed") return "Succeeded";
  return reason === "Cancelled" ? "Cancelled" : "Failed";
}
