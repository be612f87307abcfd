import type { Clock } from "../../reconciler/types.ts";

/** A job that is over in the blink of an eye gets its status written once, not for each phase; its end is written at once. */
const gatherMs = 300;
/** The same among many jobs, where each takes longer and nobody looks at every file. */
const crowdedGatherMs = 1_000;
const crowd = 4;
const perFileMs = 1_000;
const sliceMs = 50;

/** When a file may be written: at most once a second, and not while a short job goes through its phases. */
export interface MirrorPace {
  /** What is due for the file is the last word: it need not be gathered. */
  hurry(path: string): void;
  /** Resolves early, without a word, when the signal aborts: what is due is written before the daemon goes. */
  untilRipe(path: string): Promise<void>;
  written(path: string): void;
  forgetAllBut(paths: ReadonlySet<string>): void;
}

/** `waiting`: how many files have something due or in work. */
export function createMirrorPace(clock: Clock, signal: AbortSignal, waiting: () => number): MirrorPace {
  const urgent = new Set<string>();
  const writtenAtMs = new Map<string, number>();
  return {
    hurry: (path) => void urgent.add(path),
    untilRipe: async (path) => {
      const sinceMs = clock.monotonicMs();
      while (!signal.aborted) {
        const nowMs = clock.monotonicMs();
        const restMs = (writtenAtMs.get(path) ?? -Infinity) + perFileMs - nowMs;
        const forMs = waiting() > crowd ? crowdedGatherMs : gatherMs;
        const gatheringMs = urgent.has(path) ? 0 : sinceMs + forMs - nowMs;
        const waitMs = Math.max(restMs, gatheringMs);
        if (waitMs <= 0) break;
        await clock.sleep(Math.min(waitMs, sliceMs), signal);
      }
      urgent.delete(path);
    },
    written: (path) => void writtenAtMs.set(path, clock.monotonicMs()),
    forgetAllBut: (paths) => {
      for (const path of writtenAtMs.keys()) if (!paths.has(path)) writtenAtMs.delete(path);
      for (const path of urgent) if (!paths.has(path)) urgent.delete(path);
    },
  };
}
