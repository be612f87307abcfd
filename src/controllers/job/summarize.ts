import type { Attempt } from "../../resources/attempt.ts";
import type { Job, JobPhase, JobStatus } from "../../resources/job.ts";
import type { Summary } from "../../reconciler/types.ts";
import { mergeConditions, timestamp } from "../../reconciler/conditions.ts";
import type { JobActual } from "./actions.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { secondsBetween } from "./history.ts";
import { conditionsOf } from "./conditions.ts";
import { expiryOf } from "./plan.ts";
import { settledPlacement, waitingReason, waitsForOwnMachine } from "./waiting.ts";
import { judge, queueExpiry, terminalStatus, type Verdict } from "./verdict.ts";

/** More files than this are counted, not listed, so that a status stays readable and small. */
const listedOutputs = 1_000;
const lookAgainMs = 10_000;

export interface Headline {
  readonly phase: JobPhase;
  readonly reason: string;
  readonly message: string;
}

export function summarizeJob(job: Job, actual: JobActual, now: Date): Summary<Job> {
  if (terminalStatus(job) !== undefined && job.status !== undefined) {
    return { status: job.status, result: requeueAt(expiryOf(job, actual, now), now) };
  }
  const verdict = judge(job, actual, now);
  const headline = headlineOf(verdict, actual, job, now);
  const seen = job.status?.observedGeneration === job.metadata.generation;
  const drafts = conditionsOf(job, actual, headline);
  const status: JobStatus = {
    observedGeneration: job.metadata.generation,
    ...headline,
    ...attemptFields(job, actual, now),
    ...(verdict.type === "Over" ? { completionTime: completionOf(verdict, now) } : {}),
    conditions: [...mergeConditions(seen ? job.status?.conditions : undefined, drafts, now)],
  };
  return { status, result: nextLook(job, actual, verdict, now) };
}

function headlineOf(verdict: Verdict, actual: JobActual, job: Job, now: Date): Headline {
  switch (verdict.type) {
    case "Over":
      return { phase: verdict.phase, reason: verdict.reason, message: verdict.message };
    case "Publish":
      return { phase: "Collecting", reason: "PublishingOutputs", message: "putting output files in place" };
    case "Active":
      return activeHeadline(verdict.attempt, verdict.stop);
    case "Superseded":
      return { phase: "Pending", reason: "Superseding", message: "stopping what ran by the earlier spec" };
    case "Hold":
      return { phase: "Pending", reason: verdict.reason, message: verdict.message };
    case "Deleting":
      return { phase: "Pending", reason: "Deleting", message: "stopping and removing what it left" };
    case "Next":
      return waitingHeadline(actual, job, now);
  }
}

function activeHeadline(
  attempt: Attempt,
  stop: { readonly reason: string; readonly message: string } | undefined,
): Headline {
  const stopping = stop ?? attempt.spec.stop ?? attempt.status?.stopIntent;
  const peer = attempt.spec.executor?.peer;
  if (peer !== undefined && attempt.status?.silentSince !== undefined) {
    const message = `${peer} has not answered since ${attempt.status.silentSince}`;
    return { phase: "Unknown", reason: "PeerSilent", message };
  }
  const phase = activePhase(attempt);
  if (stopping !== undefined) return { phase, reason: `Stopping${stopping.reason}`, message: stopping.message };
  return { phase, ...(troubleOf(attempt) ?? activeReason(attempt, phase)) };
}

function troubleOf({ status }: Attempt): Omit<Headline, "phase"> | undefined {
  return status?.message === undefined ? status?.waiting : { reason: "EngineUnavailable", message: status.message };
}

function activeReason({ spec }: Attempt, phase: ReturnType<typeof activePhase>): Omit<Headline, "phase"> {
  const peer = spec.executor?.peer;
  switch (phase) {
    case "Reserved":
      return { reason: "Reserved", message: `${peer} has room for it` };
    case "Staging":
      return peer === undefined
        ? { reason: "PreparingContainer", message: "bringing image and files in place" }
        : { reason: "SendingInputs", message: `bringing image and files to ${peer}` };
    case "Collecting":
      return { reason: "CollectingOutputs", message: "collecting output files" };
    case "Running":
      return { reason: "ProgramRunning", message: `attempt ${spec.attempt} runs` };
  }
}

function activePhase(attempt: Attempt): "Reserved" | "Staging" | "Running" | "Collecting" {
  const phase = attempt.status?.phase ?? "Created";
  if (phase === "Created" && attempt.spec.executor !== undefined) return "Reserved";
  return phase === "Running" || phase === "Collecting" ? phase : "Staging";
}

/** Says what is waited for; without numbers that move, or every other Job's step would rewrite this status. */
function waitingHeadline(actual: JobActual, job: Job, now: Date): Headline {
  const { template, admission, snoozedUntil, placement } = actual;
  const pending = (reason: string, message: string): Headline => ({ phase: "Pending", reason, message });
  if (template?.ok === false) return pending(template.reason, template.message);
  if (placement !== undefined && !waitsForOwnMachine(placement)) {
    if (placement.chosen !== undefined) return pending("Queued", `asking ${placement.chosen.peer}`);
    const { reason, message } = waitingReason(placement, settledPlacement(job, placement, timestamp(now)));
    return pending(reason, message);
  }
  if (template?.engineProblem !== undefined) return pending("EngineUnavailable", template.engineProblem);
  if (snoozedUntil !== undefined) return pending("Snoozed", `this machine takes no jobs until ${snoozedUntil}`);
  if (admission?.admitted === false) {
    const { limit, need, have } = admission;
    if (admission.never) return pending("ExceedsLimits", `asks for ${limit} ${need}, this machine lends ${have}`);
    return pending("Queued", `waiting for free ${limit} (asks ${need} of ${have})`);
  }
  return pending("Queued", "waiting for its turn");
}

/** Of the newest attempt, or of the one that is looked for. */
function placementOf(job: Job, actual: JobActual, now: Date): JobStatus["placement"] {
  if (actual.placement !== undefined) return settledPlacement(job, actual.placement, timestamp(now)) as JobPlacement;
  return (actual.placed as JobPlacement | undefined) ?? job.status?.placement;
}

function attemptFields(job: Job, actual: JobActual, now: Date): Partial<JobStatus> {
  const newest = actual.attempts.filter((attempt) => attempt.spec.job.generation === job.metadata.generation).at(-1);
  if (newest === undefined)
    return withoutUndefined({ attempt: job.status?.attempt, placement: placementOf(job, actual, now) });
  const { status } = newest;
  const { published } = actual;
  return withoutUndefined({
    attempt: newest.spec.attempt,
    peer: newest.spec.executor?.peer ?? actual.node,
    placement: placementOf(job, actual, now),
    runtime: newest.spec.runtime,
    startTime: wholeSecond(status?.startedAt),
    exitCode: status?.exitCode,
    logs: logsOf(newest),
    outputs: status?.phase === "Finished" ? (published?.files ?? []).slice(0, listedOutputs) : undefined,
    outputsPath: published?.path,
    timings: timingsOf(newest),
    attempts: actual.attempts.map((attempt) => attemptRow(attempt, actual.node)),
  });
}

type JobPlacement = NonNullable<JobStatus["placement"]>;
type AttemptRow = NonNullable<JobStatus["attempts"]>[number];

function attemptRow(attempt: Attempt, node: string): AttemptRow {
  const { status } = attempt;
  return withoutUndefined({
    attempt: attempt.spec.attempt,
    peer: attempt.spec.executor?.peer ?? node,
    phase: status?.phase ?? "Created",
    reason: status?.reason,
    exitCode: status?.exitCode,
    startTime: wholeSecond(status?.startedAt),
    completionTime: wholeSecond(status?.finishedAt),
  });
}

function logsOf({ status }: Attempt): JobStatus["logs"] | undefined {
  return status?.logs && { stdoutBytes: status.logs.stdoutBytes, stderrBytes: status.logs.stderrBytes };
}

function timingsOf({ status }: Attempt): JobStatus["timings"] | undefined {
  if (status?.phase !== "Finished") return undefined;
  return withoutUndefined({
    stageSeconds: secondsBetween(status.createdAt, status.stagedAt),
    runSeconds: secondsBetween(status.startedAt, status.finishedAt),
  });
}

function wholeSecond(time: string | undefined): string | undefined {
  return time === undefined ? undefined : timestamp(new Date(time));
}

function completionOf(verdict: Extract<Verdict, { type: "Over" }>, now: Date): string {
  const finishedAt = verdict.attempt?.status?.finishedAt;
  return timestamp(finishedAt === undefined ? now : new Date(finishedAt));
}

/** Changes of attempts, limits and capacity wake the key; these are for what only time brings. */
function nextLook(job: Job, actual: JobActual, verdict: Verdict, now: Date): { requeueAfterMs?: number } {
  if (verdict.type === "Hold") return requeueAt(verdict.untilMs, now);
  if (verdict.type !== "Next") return {};
  const { template } = actual;
  if (template?.ok === false || template?.engineProblem !== undefined) return { requeueAfterMs: lookAgainMs };
  if (actual.snoozedUntil !== undefined) return requeueAt(Date.parse(actual.snoozedUntil), now);
  const expiry = requeueAt(queueExpiry(job, actual, now), now);
  // Peers tell when they have room again, but what came and went between two records is not told.
  const { deniedForMs } = actual;
  return deniedForMs === undefined
    ? expiry
    : { requeueAfterMs: Math.max(1, Math.min(deniedForMs, expiry.requeueAfterMs ?? Infinity)) };
}

function requeueAt(atMs: number | undefined, now: Date): { requeueAfterMs?: number } {
  return atMs === undefined ? {} : { requeueAfterMs: Math.max(1, atMs - now.getTime()) };
}
