import type { Attempt, AttemptPhase, AttemptStatus } from "../../resources/attempt.ts";
import type { Summary } from "../../reconciler/types.ts";
import type { AttemptActual } from "./actions.ts";
import { graceSeconds, remainingMs } from "./plan.ts";

/** Operations quicker than this end within the phase they began in. */
const noticeableMs = 300;

/** What the engine shows, laid over the durable facts. Facts themselves are written by the actions. */
export function summarizeAttempt(attempt: Attempt, actual: AttemptActual, now: Date): Summary<Attempt> {
  const before: AttemptStatus = attempt.status ?? { phase: "Created", createdAt: now.toISOString() };
  const status: AttemptStatus = {
    ...withMessage(before, actual),
    observedGeneration: attempt.metadata.generation,
    phase: phaseOf(before, actual),
    ...(actual.facts.phase === "running" || actual.facts.phase === "exited"
      ? { startedAt: actual.facts.startedAt }
      : {}),
  };
  const requeueAfterMs = nextLook(attempt, status, actual, now);
  return { status, result: requeueAfterMs === undefined ? {} : { requeueAfterMs } };
}

/** While it lasts, the message says why nobody knows more; the last message of all is the ending's. */
function withMessage(before: AttemptStatus, { health }: AttemptActual): AttemptStatus {
  if (before.phase === "Finished") return before;
  if (!health.ok) return { ...before, message: health.message };
  const { message: _, ...rest } = before;
  return rest;
}

function phaseOf(before: AttemptStatus, actual: AttemptActual): AttemptPhase {
  if (before.phase === "Finished") return "Finished";
  if (!actual.health.ok) return before.phase;
  if (actual.facts.phase === "running") return "Running";
  if (actual.facts.phase === "exited") {
    const slow = actual.operation === "Collect" && (actual.operationMs ?? 0) >= noticeableMs;
    if (slow) return "Collecting";
    return before.phase === "Collecting" ? "Collecting" : "Running";
  }
  return "Staging";
}

/** Engine events wake the key; these are for what no event tells. */
function nextLook(attempt: Attempt, status: AttemptStatus, actual: AttemptActual, now: Date): number | undefined {
  if (!actual.health.ok) return settled(attempt, status) ? undefined : 2_000;
  if (actual.operation !== undefined) return untilNoticeable(actual.operationMs ?? 0);
  if (actual.facts.phase === "exited" && status.phase !== "Finished") return 15;
  if (actual.facts.phase !== "running") return undefined;
  if (status.stopIntent !== undefined) return (graceSeconds + 5) * 1_000;
  const leftMs = remainingMs(attempt, actual.facts.startedAt, actual.ranMs, now);
  return leftMs === undefined ? undefined : Math.max(10, leftMs);
}

function settled(attempt: Attempt, status: AttemptStatus): boolean {
  return attempt.metadata.deletionTimestamp === undefined && status.phase === "Finished" && status.removed === true;
}

/** Wakes once to show that the operation takes its time; its end wakes the key by itself. */
function untilNoticeable(operationMs: number): number | undefined {
  return operationMs < noticeableMs ? noticeableMs - operationMs + 5 : undefined;
}
