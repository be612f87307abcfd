import { canonicalJson } from "../../resources/canonical.ts";
import type { BaseStatus } from "../../resources/types.ts";

/** Numbers that move all the time while nothing happens: on their own they are no reason to write a file. */
const movingFields = new Set(["logs", "usage", "timings", "resources", "rttMs", "lastHandshake", "lastTransitionTime"]);
const finalPhases = new Set<unknown>(["Succeeded", "Failed", "Cancelled"]);

/** Text that is equal for two statuses when nothing worth a write lies between them. */
export function renderTransition(status: unknown): string {
  if (isFinal(status)) return canonicalJson(status);
  return canonicalJson(withoutMoving(status));
}

function isFinal(status: unknown): boolean {
  return typeof status === "object" && status !== null && "phase" in status && finalPhases.has(status.phase);
}

function withoutMoving(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMoving);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !movingFields.has(name))
      .map(([name, content]) => [name, withoutMoving(content)]),
  );
}

/** True when the block in the file has to be written: it tells another story, or somebody else changed it. */
export function mirrorIsStale(block: unknown, status: BaseStatus, lastWritten: string | undefined): boolean {
  if (block === undefined) return true;
  const text = safeText(block);
  if (text === undefined || (lastWritten !== undefined && text !== lastWritten)) return true;
  return renderTransition(block) !== renderTransition(status);
}

/** Undefined for what JSON has no text for (`.nan` typed by hand). */
function safeText(block: unknown): string | undefined {
  try {
    return canonicalJson(block);
  } catch {
    return undefined;
  }
}
