import { describe, expect, it } from "vitest";
import { HistoryBook, type PastAttempt } from "../../src/scheduler/history-book.ts";

const ended = (minute: number, rest: Partial<PastAttempt> = {}): PastAttempt => ({
  peer: "bob",
  job: "train",
  reason: "Completed",
  endedAt: `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z`,
  ...rest,
});

describe("what is remembered of peers", () => {
  it("a program's own error is no failure of the peer; a lost attempt is", () => {
    const book = new HistoryBook();
    for (const reason of ["Completed", "Error", "Timeout", "OutOfMemory"]) book.add(ended(0, { reason }));
    book.add(ended(0, { reason: "PeerLost" }));
    const { succeeded, failed } = book.of("bob", "train");
    expect([succeeded, failed]).toEqual([4, 1]);
  });

  it("what its owner stopped says nothing", () => {
    const book = new HistoryBook();
    for (const reason of ["Cancelled", "Superseded", "Suspended"]) book.add(ended(0, { reason }));
    expect(book.of("bob", "train")).toMatchObject({ succeeded: 0, failed: 0 });
  });

  it("three losses in ten minutes shut a peer out for a while", () => {
    const book = new HistoryBook();
    for (const minute of [1, 2, 3]) book.add(ended(minute, { reason: "ContainerLost" }));
    expect(book.of("bob", "train").quarantinedUntilMs).toBe(Date.parse("2026-01-01T00:13:00Z"));
    expect(book.of("amy", "train").quarantinedUntilMs).toBeUndefined();
  });

  it("a Job's time on a peer is the median of its last runs there", () => {
    const book = new HistoryBook();
    for (const runtimeSeconds of [100, 3, 1, 2]) book.add(ended(0, { runtimeSeconds }));
    expect(book.of("bob", "train").runSeconds).toBe(3);
    expect(book.of("bob", "other").runSeconds).toBeUndefined();
    for (let run = 0; run < 9; run += 1) book.add(ended(1, { runtimeSeconds: 7 }));
    expect(book.of("bob", "train").runSeconds).toBe(7);
  });
});
