import type { Clock } from "../../reconciler/types.ts";
import { inParallel } from "../in-parallel.ts";

/** A job that is over in the blink of an eye gets its status written once, not for each phase; its end is written at once. */
const gatherMs = 300;
/** The same among many jobs, where each takes longer and nobody looks at every file. */
const crowdedGatherMs = 1_000;
const crowd = 4;
const perFileMs = 1_000;
const sliceMs = 50;
/** What could not be written is tried again so much later. */
const retryMs = 5_000;
/** Files written at once: each holds two open, and makes another file of its own. */
const atOnce = 4;
/** Written in a row before the queue is looked through again for what is urgent. */
const batch = 16;
/** A daemon that is to end writes no longer than this; the database has the rest, and the next daemon writes it. */
const lastWordsMs = 5_000;

/** Which files are due, and when: at most once a second each, and not while a short job goes through its phases. */
export interface MirrorQueue {
  /** `urgent`: what is due is the last word, and need not be gathered. */
  add(path: string, urgent: boolean): void;
  forgetAllBut(paths: ReadonlySet<string>): void;
  /** What is due is written now, for as long as there is time; then nothing more. */
  stop(): Promise<void>;
}

export interface MirrorQueueOptions {
  readonly clock: Clock;
  /** True when the file was written. Throws when it could not be. */
  readonly write: (path: string) => Promise<boolean>;
  readonly onFailure: (path: string, error: unknown) => void;
}

interface Due {
  readonly sinceMs: number;
  readonly notBeforeMs: number;
  readonly urgent: boolean;
}

export function createMirrorQueue({ clock, write, onFailure }: MirrorQueueOptions): MirrorQueue {
  const due = new Map<string, Due>();
  const writtenAtMs = new Map<string, number>();
  const stopping = new AbortController();
  let working: Promise<void> | undefined;
  let wake = (): void => undefined;
  let endMs = Infinity;

  async function work(): Promise<void> {
    while (due.size > 0 && clock.monotonicMs() < endMs) {
      const ripe = ripeAt(clock.monotonicMs(), due, writtenAtMs, stopping.signal.aborted);
      if (ripe.length > 0) await inParallel(ripe, atOnce, writeOne);
      else await pause();
    }
    working = undefined;
  }

  async function writeOne(path: string): Promise<void> {
    due.delete(path);
    try {
      if (await write(path)) writtenAtMs.set(path, clock.monotonicMs());
    } catch (error) {
      onFailure(path, error);
      const nowMs = clock.monotonicMs();
      const again = { sinceMs: nowMs, notBeforeMs: nowMs + retryMs, urgent: false };
      if (!due.has(path) && !stopping.signal.aborted) due.set(path, again);
    }
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      void clock.sleep(sliceMs, stopping.signal).then(resolve);
    });
  }

  return {
    add: (path, urgent) => {
      if (stopping.signal.aborted) return;
      const before = due.get(path);
      const fresh = { sinceMs: clock.monotonicMs(), notBeforeMs: 0, urgent };
      due.set(path, before === undefined ? fresh : { ...before, urgent: urgent || before.urgent });
      if (urgent) wake();
      working ??= work();
    },
    forgetAllBut: (paths) => {
      for (const map of [writtenAtMs, due]) for (const path of map.keys()) if (!paths.has(path)) map.delete(path);
    },
    stop: async () => {
      endMs = clock.monotonicMs() + lastWordsMs;
      stopping.abort();
      await working;
    },
  };
}

/** The next batch. Looking through all that is due is cheap beside writing one. `all`: nothing is waited for any more. */
function ripeAt(
  nowMs: number,
  due: ReadonlyMap<string, Due>,
  writtenAtMs: ReadonlyMap<string, number>,
  all: boolean,
): readonly string[] {
  const forMs = due.size > crowd ? crowdedGatherMs : gatherMs;
  const ripe: string[] = [];
  const urgent: string[] = [];
  for (const [path, each] of due) {
    const fromMs = Math.max(
      (writtenAtMs.get(path) ?? -Infinity) + perFileMs,
      each.urgent ? -Infinity : each.sinceMs + forMs,
      each.notBeforeMs,
    );
    if (all || fromMs <= nowMs) (each.urgent ? urgent : ripe).push(path);
  }
  return [...urgent, ...ripe].slice(0, batch);
}
