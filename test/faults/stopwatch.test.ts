import { describe, expect, it } from "vitest";
import { Stopwatch } from "../../src/reconciler/stopwatch.ts";
import { FakeClock } from "../support/fake-clock.ts";

const day = 86_400_000;

describe("the stopwatch", () => {
  it("counts from the timestamp, and does not notice when the clock is set", async () => {
    const clock = new FakeClock("2026-01-01T00:01:00Z");
    const stopwatch = new Stopwatch(clock);
    expect(stopwatch.elapsedMs("a", "2026-01-01T00:00:00Z")).toBe(60_000);
    clock.setWallClock(day);
    await clock.advance(5_000);
    expect(stopwatch.elapsedMs("a", "2026-01-01T00:00:00Z")).toBe(65_000);
  });

  it("counts a timestamp in the future as now", () => {
    expect(new Stopwatch(new FakeClock("2026-01-01T00:00:00Z")).elapsedMs("a", "2036-01-01T00:00:00Z")).toBe(0);
  });

  it("never counts further back than to when it had not been yet", async () => {
    const clock = new FakeClock("2026-01-01T00:00:00Z");
    const stopwatch = new Stopwatch(clock);
    stopwatch.notYet("a");
    await clock.advance(2_000);
    clock.setWallClock(day);
    expect(stopwatch.elapsedMs("a", "2026-01-01T00:00:01Z")).toBe(2_000);
  });

  it("begins again with another timestamp", async () => {
    const clock = new FakeClock("2026-01-01T00:01:00Z");
    const stopwatch = new Stopwatch(clock);
    stopwatch.elapsedMs("a", "2026-01-01T00:00:00Z");
    expect(stopwatch.elapsedMs("a", "2026-01-01T00:00:50Z")).toBe(10_000);
  });
});
