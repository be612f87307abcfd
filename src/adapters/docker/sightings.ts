import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import type { Clock } from "../../reconciler/types.ts";

/**
 * What the engine last said of each attempt. A look costs the engine as much as it costs homie, and an attempt is looked at
 * several times between two changes; the engine's events and homie's own doings say when to look anew.
 */
export interface Sightings {
  /** Asks unless the last answer still holds. A failure is not kept. */
  look(name: string, ask: () => Promise<RuntimeFacts>): Promise<RuntimeFacts>;
  /** homie knows without asking, as it has just made it so. */
  saw(name: string, facts: RuntimeFacts): void;
  /** Something has happened to the attempt, or may have happened to any. */
  forget(name: string | undefined): void;
  /** It has ended. Podman says so a moment before it says it when asked, so an answer "running" is doubted for a while. */
  hasEnded(name: string): void;
  /** Nothing said before or during `change` holds after it. */
  changing<T>(name: string, change: () => Promise<T>): Promise<T>;
  /** Answers are kept while the engine's events are listened to, until disposed. `onDoubt`: it is time to look again. */
  listening(onDoubt: (name: string) => void): Disposable;
}

interface Sighting {
  readonly facts: Promise<RuntimeFacts>;
  readonly untilMs: number;
}

/** Events get lost while a connection is down, and streams fall silent: nothing is believed for longer. */
const believedMs = 1_000;
const firstDoubtMs = 100;
/** 100, 200, 400, 800 and 1,600 ms: then whoever started it again, or the next regular look, is right. */
const doubts = 5;

export function createSightings(clock: Clock): Sightings {
  const seen = new Map<string, Sighting>();
  const listeners = new Set<(name: string) => void>();
  /** What has ended, if the engine is right, and how often it has said otherwise since. */
  const ended = new Map<string, number>();

  function forget(name: string | undefined): void {
    if (name === undefined) return seen.clear();
    seen.delete(name);
    ended.delete(name);
  }

  function keep(name: string, facts: Promise<RuntimeFacts>): Sighting {
    const sighting = { facts, untilMs: clock.monotonicMs() + believedMs };
    seen.set(name, sighting);
    return sighting;
  }

  function compare(name: string, facts: RuntimeFacts): void {
    const times = ended.get(name);
    if (times === undefined) return;
    if (facts.phase !== "running" || times === doubts) return void ended.delete(name);
    seen.delete(name);
    ended.set(name, times + 1);
    void clock.sleep(firstDoubtMs * 2 ** times).then(() => {
      if (ended.has(name)) for (const tell of listeners) tell(name);
    });
  }

  return {
    look(name, ask) {
      const last = seen.get(name);
      if (last !== undefined && clock.monotonicMs() < last.untilMs) return last.facts;
      // An event that comes while this is on its way takes it out again, so an answer that is too old is given once at most.
      const facts = ask();
      if (listeners.size === 0) return facts;
      const sighting = keep(name, facts);
      facts.then(
        (found) => compare(name, found),
        () => {
          if (seen.get(name) === sighting) seen.delete(name);
        },
      );
      return facts;
    },
    saw: (name, facts) => void (listeners.size > 0 && keep(name, Promise.resolve(facts))),
    forget,
    hasEnded(name) {
      forget(name);
      ended.set(name, 0);
    },
    async changing(name, change) {
      forget(name);
      try {
        return await change();
      } finally {
        forget(name);
      }
    },
    listening(onDoubt) {
      listeners.add(onDoubt);
      const stop = (): void => (listeners.delete(onDoubt), seen.clear());
      return { [Symbol.dispose]: stop };
    },
  };
}
