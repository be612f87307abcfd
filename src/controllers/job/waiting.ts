import type { Job } from "../../resources/job.ts";
import type { Placement, RejectedPeer } from "../../scheduler/place-job.ts";
import { placementStatus, type PlacementStatus } from "../../scheduler/render-placement.ts";
import type { Refusal, RefusalReason } from "../../scheduler/refusal.ts";

/** What time or other Jobs' ends can change; against everything else only another Job or other Limits help. */
const passing: ReadonlySet<RefusalReason> = new Set([
  "NotOnline",
  "Quarantined",
  "InsufficientGpu",
  "InsufficientCpu",
  "InsufficientMemory",
  "InsufficientDisk",
  "NoJobSlot",
  "QuietHours",
  "NotIdle",
  "OnBattery",
  "Snoozed",
]);
/** More peers than this are counted, not listed, in one message. */
const shownPeers = 8;

/** Only this machine is there to ask, and it is merely full: admission has the better words for that. */
export function waitsForOwnMachine({ chosen, rejected }: Placement): boolean {
  if (chosen !== undefined) return chosen.facts.own;
  const [only, ...others] = rejected;
  if (only?.own !== true || others.length > 0) return false;
  // Admission knows nothing of GPUs.
  return isPassing(only) && only.refusals.every(({ reason }) => reason !== "InsufficientGpu");
}

/** Why nobody takes it, one part a peer; "Unschedulable" when waiting alone cannot help. */
export function waitingReason({ rejected }: Placement, status: PlacementStatus): { reason: string; message: string } {
  const lines = status.rejected
    .slice(0, shownPeers)
    .map(({ peer, reason, need, free }) => `${peer}: ${reason}, needs ${need}, has ${free}`);
  const more = rejected.length > shownPeers ? [`and ${rejected.length - shownPeers} more`] : [];
  return {
    reason: rejected.some(isPassing) ? "Queued" : "Unschedulable",
    message: `no peer can take it: ${[...lines, ...more].join("; ")}`,
  };
}

/**
 * What status says of the placement: scores move with every heartbeat, so an answer that says the same is not written
 * anew.
 */
export function settledPlacement(job: Job, placement: Placement, decidedAt: string): PlacementStatus {
  const fresh = placementStatus(placement, decidedAt);
  const known = job.status?.placement as PlacementStatus | undefined;
  const seen = job.status?.observedGeneration === job.metadata.generation;
  return seen && known !== undefined && gistOf(known) === gistOf(fresh) ? known : fresh;
}

function gistOf({ chosen, others, rejected }: PlacementStatus): string {
  return JSON.stringify([
    chosen?.peer,
    others.map(({ peer }) => peer).toSorted(),
    rejected.map(({ peer, reason }) => [peer, reason]),
  ]);
}

/** Nothing but time keeps this peer from taking it. */
export function isPassing({ refusals }: Pick<RejectedPeer, "refusals">): boolean {
  return refusals.every(({ reason, lasting }: Refusal) => passing.has(reason) && lasting !== true);
}
