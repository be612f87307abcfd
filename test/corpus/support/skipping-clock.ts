import type { Clock } from "../../../src/reconciler/types.ts";

export interface SkippingClock extends Clock {
  skip(ms: number): void;
}

/** The real time, except that waiting is skipped: who sleeps finds that the time has passed. */
export function skippingClock(): SkippingClock {
  let skippedMs = 0;
  return {
    now: () => new Date(Date.now() + skippedMs),
    monotonicMs: () => performance.now() + skippedMs,
    sleep: async (ms) => {
      skippedMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    skip: (ms) => {
      skippedMs += ms;
    },
  };
}
