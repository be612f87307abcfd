import type { Attempt, AttemptReason } from "../../resources/attempt.ts";
import type { AttemptAction, AttemptActual } from "./actions.ts";

/** Seconds between SIGTERM and SIGKILL. */
export const graceSeconds = 10;
/** A program that still runs this long after it was to be stopped is stopped again: the request may have been lost. */
const stopAgainAfterMs = (graceSeconds + 5) * 1_000;

/** A program that fills the disk is killed without grace, and again if it is still there after this time. */
const killAgainAfterMs = 2_000;

interface StopWish {
  readonly reason: AttemptReason;
  readonly message: string;
}

/** The next steps of one attempt. Pure: what is durable in status, what the engine shows, and the time decide. */
export function planAttempt(attempt: Attempt, actual: AttemptActual, now: Date): readonly AttemptAction[] {
  if (attempt.metadata.deletionTimestamp !== undefined) return planDeletion(attempt, actual);
  if (attempt.status?.phase === "Finished") return planCleanup(attempt, actual);
  if (actual.operation !== undefined) return planDuringOperation(attempt, actual);
  if (!actual.health.ok) return [];
  if (attempt.status?.staged !== true) return planStage(attempt);
  switch (actual.facts.phase) {
    case "absent":
      return planAbsent(attempt);
    case "created":
      return planStart(attempt);
    case "running":
      return planRunning(attempt, actual, now);
    case "exited":
      return planExited(attempt, actual);
  }
}

/** How long a running program may go on, if not for ever; negative when its time is over. */
export function remainingMs(
  attempt: Attempt,
  startedAt: string,
  ranMs: number | undefined,
  now: Date,
): number | undefined {
  const seconds = attempt.spec.timeoutSeconds;
  if (seconds === undefined) return undefined;
  return seconds * 1_000 - (ranMs ?? now.getTime() - Date.parse(startedAt));
}

/** A long pull or upload is not finished for a program that is not wanted; collecting is. */
function planDuringOperation(attempt: Attempt, actual: AttemptActual): readonly AttemptAction[] {
  const unwanted = actual.operation === "Stage" && attempt.spec.stop !== undefined;
  return unwanted && actual.operationAborted !== true ? [{ type: "Abort" }] : [];
}

function planStage(attempt: Attempt): readonly AttemptAction[] {
  const { stop, hosted } = attempt.spec;
  if (stop !== undefined) return [{ type: "Finish", ...stop }];
  // A reservation waits until its submitter has sent everything; whoever keeps it ends it when that takes too long.
  return hosted !== undefined && hosted.begin !== true ? [] : [{ type: "Stage" }];
}

function planAbsent(attempt: Attempt): readonly AttemptAction[] {
  // Without a start intent the program cannot have run: what was staged is gone, so it is staged anew.
  if (attempt.status?.startIntent !== true) return planStage(attempt);
  const wanted = attempt.status.stopIntent;
  if (wanted !== undefined) return [{ type: "Finish", ...wanted }];
  return [
    {
      type: "Finish",
      reason: "ContainerLost",
      message: "the container is gone: somebody or something removed it while homie was not looking",
    },
  ];
}

function planStart(attempt: Attempt): readonly AttemptAction[] {
  const { stop } = attempt.spec;
  // "created" proves that the program never ran, whatever was intended.
  return stop === undefined ? [{ type: "Start" }] : [{ type: "Finish", ...stop }];
}

function planRunning(attempt: Attempt, actual: AttemptActual, now: Date): readonly AttemptAction[] {
  const actions: AttemptAction[] = [];
  if (actual.capture.phase === "none") actions.push({ type: "ResumeCapture" });
  const stop = planStop(attempt, actual, now);
  return stop === undefined ? actions : [...actions, stop];
}

function planStop(attempt: Attempt, actual: AttemptActual, now: Date): AttemptAction | undefined {
  const wish = stopWish(attempt, actual, now);
  if (actual.diskExcess !== undefined) {
    // Ten seconds of grace would be ten more seconds of writing, whatever it is stopped for.
    const killed = wish ?? { reason: "DiskFull", message: actual.diskExcess.message };
    return askedWithin(actual, killAgainAfterMs) ? undefined : { type: "Stop", ...killed, graceSeconds: 0 };
  }
  return wish === undefined || stopIsUnderWay(actual) ? undefined : { type: "Stop", ...wish, graceSeconds };
}

function stopWish(attempt: Attempt, actual: AttemptActual, now: Date): StopWish | undefined {
  if (attempt.status?.stopIntent !== undefined) return attempt.status.stopIntent;
  if (attempt.spec.stop !== undefined) return attempt.spec.stop;
  if (actual.facts.phase !== "running") return undefined;
  const leftMs = remainingMs(attempt, actual.facts.startedAt, actual.ranMs, now);
  if (leftMs === undefined || leftMs > 0) return undefined;
  return { reason: "Timeout", message: `ran longer than ${attempt.spec.timeoutSeconds} s` };
}

function stopIsUnderWay(actual: AttemptActual): boolean {
  return askedWithin(actual, stopAgainAfterMs);
}

/** An intent that another daemon left behind says nothing: it may have died before it asked. */
function askedWithin({ stoppingMs }: AttemptActual, ms: number): boolean {
  return stoppingMs !== undefined && stoppingMs < ms;
}

function planExited(attempt: Attempt, actual: AttemptActual): readonly AttemptAction[] {
  if (actual.capture.phase === "none") return [{ type: "ResumeCapture" }];
  if (actual.capture.phase === "live") return [];
  return [{ type: "Collect" }];
}

function planCleanup(attempt: Attempt, actual: AttemptActual): readonly AttemptAction[] {
  const actions: AttemptAction[] = [];
  if (attempt.status?.removed !== true && actual.health.ok) actions.push({ type: "Remove" });
  if (attempt.spec.release === true && attempt.status?.released !== true) actions.push({ type: "Release" });
  return actions;
}

function planDeletion(attempt: Attempt, actual: AttemptActual): readonly AttemptAction[] {
  if (actual.operation !== undefined) return actual.operationAborted === true ? [] : [{ type: "Abort" }];
  if (attempt.status?.removed === true) return [{ type: "Forget" }];
  // While the engine does not answer, nobody knows whether something is left in it: the finalizer stays.
  if (!actual.health.ok) return [];
  if (actual.facts.phase !== "running") return [{ type: "Remove" }];
  if (stopIsUnderWay(actual)) return [];
  return [{ type: "Stop", reason: "Deleted", message: "the job was deleted", graceSeconds }];
}
