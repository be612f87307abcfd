import { describe, expect, it } from "vitest";
import { decay, emptyHistory, recordOutcome } from "../../src/scheduler/history.ts";
import type { PeerHistory } from "../../src/scheduler/peer-facts.ts";
import { nowMs } from "./crew.ts";

const minute = 60_000;
const week = 7 * 24 * 60 * minute;

function failAt(history: PeerHistory, ...minutes: readonly number[]): PeerHistory {
  return minutes.reduce((before, at) => recordOutcome(before, "failed", nowMs + at * minute), history);
}

describe("the history of a peer", () => {
  it("halves in seven days, and not by a clock set back", () => {
    expect([decay(8, nowMs, nowMs), decay(8, nowMs, nowMs + week), decay(8, nowMs, nowMs - week)]).toEqual([8, 4, 8]);
  });

  it("adds an outcome to what is left of earlier ones", () => {
    const first = recordOutcome(emptyHistory, "succeeded", nowMs);
    const second = recordOutcome(first, "failed", nowMs + week);
    expect(second).toMatchObject({ succeeded: 0.5, failed: 1, asOfMs: nowMs + week });
  });

  it("does not go back in time", () => {
    const first = recordOutcome(emptyHistory, "succeeded", nowMs);
    expect(recordOutcome(first, "succeeded", nowMs - week)).toMatchObject({ succeeded: 2, asOfMs: nowMs });
  });

  it("shuts the peer out for ten minutes after three failures in ten minutes", () => {
    expect(failAt(emptyHistory, 0, 5).quarantinedUntilMs).toBeUndefined();
    expect(failAt(emptyHistory, 0, 5, 9).quarantinedUntilMs).toBe(nowMs + 19 * minute);
    expect(failAt(emptyHistory, 0, 5, 10).quarantinedUntilMs).toBeUndefined();
  });

  it("shuts it out twice as long the next time, up to a day", () => {
    let history = failAt(emptyHistory, 0, 0, 0);
    const spans: number[] = [];
    for (let time = 1; time < 10; time += 1) {
      history = failAt(history, time * 2000, time * 2000, time * 2000);
      spans.push(((history.quarantinedUntilMs ?? 0) - nowMs) / minute - time * 2000);
    }
    expect(spans).toEqual([20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
  });

  it("stays shut out through a fourth failure, and is forgiven after a success", () => {
    const shut = failAt(emptyHistory, 0, 0, 0);
    expect(failAt(shut, 1).quarantinedUntilMs).toBe(shut.quarantinedUntilMs);
    const forgiven = recordOutcome(shut, "succeeded", nowMs + minute);
    expect(forgiven).toMatchObject({ quarantines: 0, recentFailuresMs: [] });
    expect("quarantinedUntilMs" in forgiven).toBe(false);
  });
});
