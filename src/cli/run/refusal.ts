import type { ApiObject } from "../render/objects.ts";
import { readPlacement, renderPlacement } from "../render/placement.ts";
import { safeLine } from "../render/safe-text.ts";
import { currentStatus } from "./describe-progress.ts";

/** Reasons to wait that nobody but the one who waits can end. */
const hopeless: readonly (string | undefined)[] = ["Unschedulable", "ExceedsLimits", "EnvironmentMissing"];

export function isHopeless(job: ApiObject): boolean {
  const { phase, reason } = currentStatus(job);
  return phase === "Pending" && hopeless.includes(reason);
}

/** Why nobody takes it, peer by peer. */
export function renderRefusal(job: ApiObject, columns: number): string {
  const { reason, message = "" } = currentStatus(job);
  const title = `error: no peer would take job/${job.metadata.name}`;
  const placement = readPlacement(job.status?.["placement"]);
  // The message says the same in one line; for the other reasons it is all there is.
  if (reason !== "Unschedulable" || placement?.rejected?.length === 0 || placement === undefined)
    return `${safeLine(`${title}: ${message}`)}\n`;
  return `${safeLine(title)}\n${renderPlacement(placement, { maxWidth: columns })}`;
}
