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
/** Losing the container is not the program's fault and does not count against backoffLimit, but it ends somewhere. */
const maxLost = 3;
const finalReasons: ReadonlySet<AttemptReason> = new Set(["StageFailed", "OutputMissing", "OutputTooLarge"]);

/** Pure; the first rule that applies decides. */
export function judge(job: Job, actual: JobActual, now: Date): Verdict {
  if (job.metadata.deletionTimestamp !== undefined) return { type: "Deleting" };
  const over = terminalStatus(job);
  if (over !== undefined) return over;
  const { generation } = job.metadata;
  const older = actual.attempts.filter((attempt) => attempt.spec.job.generation !== generation);
  if (older.length > 0) return { type: "Superseded", attempts: older };
  const newest = actual.attempts.at(-1);
  if (newest !== undefined && newest.status?.phase !== "Finished") return judgeActive(job, actual, newest);
  if (newest !== undefined && !endedBySuspension(newest)) return judgeFinished(job, actual, newest, now);
  return judgeWaiting(job, actual, newest, now);
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
  return elsewhere(spec, node);
}

/** Jobs are not placed on other machines yet, and what asks for one must not run here instead. */
function elsewhere({ peer, peerSelector, resources }: Job["spec"], node: string): Verdict | undefined {
  const hold = (reason: string, message: string): Verdict => ({ type: "Hold", reason, message });
  if (peer !== undefined && peer !== node) {
    return hold(
      "PeerUnavailable",
      `spec.peer names ${peer}; jobs run on ${node} only, until they can be sent to peers`,
    );
  }
  if (Object.keys(peerSelector?.matchLabels ?? {}).length > 0) {
    return hold("NoPeerMatches", `spec.peerSelector asks for labels; ${node} has none`);
  }
  const gpus = resources?.gpu === undefined ? 0 : (resources.gpu.count ?? 1);
  return gpus > 0 ? hold("NoGpu", "asks for a GPU; this version lends none") : undefined;
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
  if (reason === "ContainerLost") {
    const lost = actual.attempts.filter((attempt) => attempt.status?.reason === "ContainerLost").length;
    return job.spec.guarantee !== "AtMostOnce" && lost <= maxLost;
  }
  return failuresOf(actual) <= (job.spec.backoffLimit ?? 0);
}

function failuresOf(actual: JobActual): number {
  const counted = actual.attempts.filter(
    ({ status }) => status?.phase === "Finished" && status.reason !== "ContainerLost" && status.reason !== "Suspended",
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
