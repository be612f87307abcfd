import type { PeerHistory } from "./peer-facts.ts";

const halfLifeMs = 7 * 86_400_000;
/** As a power of e, which is quicker to take than one of 2. */
const meanLifeMs = halfLifeMs / Math.LN2;
const quarantine = { failures: 3, withinMs: 600_000, firstMs: 600_000, longestMs: 86_400_000 } as const;

export const emptyHistory: PeerHistory = { succeeded: 0, failed: 0, asOfMs: 0, recentFailuresMs: [], quarantines: 0 };

/** What a count of `asOfMs` weighs now: half of it after seven days. A clock set back adds nothing. */
export function decay(count: number, asOfMs: number, nowMs: number): number {
  const age = nowMs - asOfMs;
  return age > 0 ? count * Math.exp(-age / meanLifeMs) : count;
}

/**
 * The history after one more attempt has ended. `failed` means the peer failed it (lost, image or start failure), not
 * that the program exited with an error. Three failures in ten minutes shut the peer out for ten minutes, then twenty
 * and so on up to a day; a success starts that over.
 */
export function recordOutcome(history: PeerHistory, outcome: "succeeded" | "failed", nowMs: number): PeerHistory {
  const asOfMs = Math.max(history.asOfMs, nowMs);
  const { quarantinedUntilMs, ...kept } = history;
  const decayed = {
    ...kept,
    asOfMs,
    succeeded: decay(history.succeeded, history.asOfMs, asOfMs),
    failed: decay(history.failed, history.asOfMs, asOfMs),
  };
  if (outcome === "succeeded")
    return { ...decayed, succeeded: decayed.succeeded + 1, recentFailuresMs: [], quarantines: 0 };
  const recent = [...history.recentFailuresMs.filter((at) => nowMs - at < quarantine.withinMs), nowMs];
  const failed = { ...decayed, failed: decayed.failed + 1 };
  if (recent.length < quarantine.failures) {
    const still = quarantinedUntilMs === undefined ? {} : { quarantinedUntilMs };
    return { ...failed, ...still, recentFailuresMs: recent };
  }
  const spanMs = Math.min(quarantine.firstMs * 2 ** history.quarantines, quarantine.longestMs);
  return { ...failed, recentFailuresMs: [], quarantines: history.quarantines + 1, quarantinedUntilMs: nowMs + spanMs };
}
