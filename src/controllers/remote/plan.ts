import type { Attempt, AttemptReason } from "../../resources/attempt.ts";
import type { RemoteAction, RemoteActual } from "./actions.ts";

/** An executor that has not answered for this long makes the Job Unknown. */
export const silentAfterMs = 10_000;
/** AtLeastOnce: then the next attempt starts elsewhere. */
export const lostAfterMs = 45_000;
/** Staging that finds nobody for as long as a reservation holds has lost it. */
const stageLostAfterMs = 30_000;

interface Ending {
  readonly reason: AttemptReason;
  readonly message: string;
}

/** The next steps of one attempt on another machine. Pure. */
export function planRemote(attempt: Attempt, actual: RemoteActual): readonly RemoteAction[] {
  const { metadata, status, spec } = attempt;
  const deleted = metadata.deletionTimestamp !== undefined;
  if (status?.phase === "Finished") return planAftermath(attempt, actual, deleted);
  if (actual.operation !== undefined) return planDuringOperation(attempt, actual, deleted);
  if (deleted) return finish({ reason: "Deleted", message: "the job was deleted" });
  if (status?.staged !== true) return planStage(attempt, actual);
  // Without an intent nothing was ever begun there.
  if (status.startIntent !== true) return spec.stop === undefined ? [{ type: "Begin" }] : finish(spec.stop);
  return planBegun(attempt, actual);
}

function planDuringOperation({ spec }: Attempt, actual: RemoteActual, deleted: boolean): readonly RemoteAction[] {
  const unwanted = deleted || (actual.operation === "Stage" && spec.stop !== undefined);
  return unwanted && actual.operationAborted !== true ? [{ type: "Abort" }] : [];
}

/** How long an executor may be silent before it counts as lost; what AtMostOnce starts next cannot meet what ran before. */
export function lostAfter({ spec }: Attempt): number {
  const { executor } = spec;
  if (executor?.guarantee !== "AtMostOnce") return lostAfterMs;
  const [drift, graceMs, marginMs] = [1.02, 10_000, 5_000];
  return executor.leaseSeconds * 1_000 * drift + graceMs + marginMs;
}

function planStage({ spec }: Attempt, { stageFailingMs = 0, stageFailure }: RemoteActual): readonly RemoteAction[] {
  if (spec.stop !== undefined) return finish(spec.stop);
  if (stageFailingMs < stageLostAfterMs) return [{ type: "Stage" }];
  const peer = spec.executor?.peer ?? "the executor";
  if (stageFailure === undefined) return finish(lost(peer));
  const seconds = Math.floor(stageFailingMs / 1_000);
  return finish({ reason: "PeerLost", message: `${peer} has not taken the job in for ${seconds} s: ${stageFailure}` });
}

function planBegun(attempt: Attempt, actual: RemoteActual): readonly RemoteAction[] {
  const { stop, executor } = attempt.spec;
  const peer = executor?.peer ?? "the executor";
  const { report, silentMs, unknown } = actual.sight;
  if (unknown) {
    return finish(stop ?? { reason: "ReservationLost", message: `${peer} does not know this attempt any more` });
  }
  if (report?.phase === "Finished") return [{ type: "Collect" }];
  if (silentMs >= patienceFor(attempt)) return finish(stop ?? lost(peer));
  return stop !== undefined && actual.stopTold !== true ? [{ type: "Stop", ...stop }] : [];
}

/** What is to be stopped anyway is given up sooner, unless the next attempt has to be sure of its end. */
function patienceFor(attempt: Attempt): number {
  const { stop, executor } = attempt.spec;
  return stop === undefined || executor?.guarantee === "AtMostOnce" ? lostAfter(attempt) : silentAfterMs;
}

/** Over here; there it is told so until it has confirmed. Outputs are kept there until they are published here. */
function planAftermath(
  { spec, status }: Attempt,
  { operation, sight }: RemoteActual,
  deleted: boolean,
): readonly RemoteAction[] {
  if (operation !== undefined) return [];
  if (status?.dismissed !== true) {
    const needed = status?.collected === true && spec.release !== true && !deleted;
    return needed || sight.silentMs >= silentAfterMs ? [] : [{ type: "Dismiss" }];
  }
  if (deleted) return [{ type: "Forget" }];
  return spec.release === true && status.released !== true ? [{ type: "Release" }] : [];
}

function finish({ reason, message }: Ending): readonly RemoteAction[] {
  return [{ type: "Finish", reason, message }];
}

function lost(peer: string): Ending {
  return { reason: "PeerLost", message: `${peer} has not answered for too long` };
}
