import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/reconciler/backoff.ts";
import { mergeConditions } from "../../src/reconciler/conditions.ts";

describe("backoff", () => {
  it("doubles from one second to five minutes", () => {
    expect([1, 2, 3, 9, 10, 1_000].map((failures) => backoffMs(failures, 0))).toEqual([
      1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
    ]);
  });

  it("takes up to a fifth off at random", () => {
    expect(backoffMs(1, 0.999)).toBeGreaterThanOrEqual(800);
    expect(backoffMs(1, 0.5)).toBe(900);
  });
});

describe("conditions", () => {
  const now = new Date("2026-01-01T00:00:10.500Z");
  const before = [
    { type: "Ready", status: "True", reason: "A", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ] as const;

  it("keep their time while only the reason changes", () => {
    const merged = mergeConditions(before, [{ type: "Ready", status: "True", reason: "B", message: "" }], now);
    expect(merged[0]).toMatchObject({ reason: "B", lastTransitionTime: "2026-01-01T00:00:00Z" });
  });

  it("get a new time, in whole seconds, when the status changes", () => {
    const merged = mergeConditions(before, [{ type: "Ready", status: "False", reason: "B", message: "" }], now);
    expect(merged[0]?.lastTransitionTime).toBe("2026-01-01T00:00:10Z");
  });
});
