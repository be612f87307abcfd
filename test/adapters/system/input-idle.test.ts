import { describe, expect, it } from "vitest";
import { parseHidIdle, parseSeatIdle } from "../../../src/adapters/system/input-idle.ts";

const nowMs = Date.parse("2026-11-25T12:00:00Z");

describe("since when nobody has typed", () => {
  it.each([
    ["IdleHint=no\nIdleSinceHint=1764000000000000\n", 0],
    [`IdleHint=yes\nIdleSinceHint=${(nowMs - 90_000) * 1_000}\n`, 90],
    [`IdleHint=yes\nIdleSinceHint=${(nowMs + 90_000) * 1_000}\n`, 0],
    ["IdleHint=yes\nIdleSinceHint=0\n", undefined],
    ["", undefined],
  ])("logind's %j is %s s", (text, seconds) => {
    expect(parseSeatIdle(text, nowMs)).toBe(seconds);
  });

  it("macOS tells it in nanoseconds", () => {
    expect(parseHidIdle('  | "HIDIdleTime" = 5500000000\n')).toBe(5.5);
    expect(parseHidIdle("nothing of it")).toBeUndefined();
  });
});
