import type { PeerPhase } from "../../resources/peer.ts";
import type { PeerSight, SilenceLimits } from "./ports.ts";

export interface PhaseOutlook {
  readonly phase: PeerPhase;
  /** When silence alone leads to another phase. */
  readonly nextMs?: number;
}

/** Silence never removes a peer and never untrusts it; it only says how far to count on it. */
export function phaseOf(sight: PeerSight, limits: SilenceLimits): PhaseOutlook {
  if (sight.trust.kind === "removed") return { phase: "Revoked" };
  if (sight.trust.kind === "refused") return { phase: "Untrusted" };
  const { silentMs } = sight;
  if (silentMs === undefined || sight.left === true || silentMs >= limits.offlineMs) return { phase: "Offline" };
  if (silentMs >= limits.suspectMs) return { phase: "Suspect", nextMs: limits.offlineMs - silentMs };
  const nextMs = limits.suspectMs - silentMs;
  return { phase: sight.contradicts === true ? "Suspect" : "Online", nextMs };
}
