import { expect, it } from "vitest";
import { HeldUp } from "../../src/daemon/held-up.ts";
import type { Clock } from "../../src/reconciler/types.ts";

/** Sleeps end as late as the test says, then the watch is over. */
function lateBy(delaysMs: readonly number[]): {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  pass(ms: number): void;
} {
  const [abort, waiting] = [new AbortController(), [...delaysMs]];
  let nowMs = 0;
  const clock: Clock = {
    now: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms) => {
      nowMs += ms + (waiting.shift() ?? 0);
      if (waiting.length === 0) abort.abort();
      return Promise.resolve();
    },
  };
  return { clock, signal: abort.signal, pass: (ms) => (nowMs += ms) };
}

it("F-33: an event loop that was blocked for five seconds is told of, for ten minutes", async () => {
  const said: unknown[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    error: () => undefined,
    warn: (...line: unknown[]) => void said.push(line),
  };
  const { clock, signal, pass } = lateBy([3, 5_200]);
  const heldUp = new HeldUp(clock, log);
  expect(heldUp.warning()).toBeUndefined();
  await heldUp.watch(signal);
  expect(said).toEqual([["the daemon was held up: nothing of it ran", { ms: 5_200 }]]);
  expect(heldUp.warning()).toMatch(/^the daemon was held up for 5\.2 s until 2026-01-01T00:00:07\.203Z: /);
  pass(600_001);
  expect(heldUp.warning()).toBeUndefined();
});

it("F-33: a machine that is merely busy is no news", async () => {
  const log = {
    debug: () => undefined,
    info: () => undefined,
    error: () => undefined,
    warn: () => expect.unreachable(),
  };
  const { clock, signal } = lateBy([0, 1_900, 500]);
  const heldUp = new HeldUp(clock, log);
  await heldUp.watch(signal);
  expect(heldUp.warning()).toBeUndefined();
});
