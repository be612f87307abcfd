import type { Attempt, AttemptPhase, AttemptStatus } from "../../resources/attempt.ts";
import { timestamp } from "../../reconciler/conditions.ts";
import type { Summary } from "../../reconciler/types.ts";
import type { RemoteActual } from "./actions.ts";
import { lostAfter, silentAfterMs } from "./plan.ts";

/** An executor that is away is asked this often whether it has confirmed. */
const dismissAgainMs = 5_000;

/** What the executor reports, laid over the durable facts; facts themselves are written by the actions. */
export function summarizeRemote(attempt: Attempt, actual: RemoteActual, now: Date): Summary<Attempt> {
  const before: AttemptStatus = attempt.status ?? { phase: "Created", createdAt: now.toISOString() };
  const observedGeneration = attempt.metadata.generation;
  if (before.phase === "Finished") {
    const open = before.dismissed !== true && (before.collected !== true || attempt.spec.release === true);
    return { status: { ...before, observedGeneration }, result: open ? { requeueAfterMs: dismissAgainMs } : {} };
  }
  const { silentSince, message: _, ...rest } = before;
  const { report, silentMs } = actual.sight;
  const silent = silentMs >= silentAfterMs;
  const status: AttemptStatus = {
    ...rest,
    observedGeneration,
    phase: phaseOf(before, actual),
    ...(report?.startedAt === undefined ? {} : { startedAt: report.startedAt }),
    ...(report?.message === undefined ? {} : { message: report.message }),
    ...(silent ? { silentSince: silentSince ?? timestamp(new Date(now.getTime() - silentMs)) } : {}),
  };
  return { status, result: { requeueAfterMs: nextLook(attempt, actual) } };
}

function phaseOf(before: AttemptStatus, { sight, operation }: RemoteActual): AttemptPhase {
  if (operation === "Collect") return "Collecting";
  if (before.startIntent !== true) return before.staged === true || operation === "Stage" ? "Staging" : before.phase;
  switch (sight.report?.phase) {
    case "Running":
      return "Running";
    case "Collecting":
    case "Finished":
      return "Collecting";
    default:
      // After a restart, before the first report, it is where it was.
      return before.phase === "Created" ? "Staging" : before.phase;
  }
}

/** Reports wake the key; silence does not. */
function nextLook(attempt: Attempt, { sight }: RemoteActual): number {
  const { silentMs } = sight;
  const nextMs = silentMs < silentAfterMs ? silentAfterMs - silentMs : lostAfter(attempt) - silentMs;
  return Math.max(50, Math.min(nextMs + 10, silentAfterMs));
}
