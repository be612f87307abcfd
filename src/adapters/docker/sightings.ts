import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import type { Clock } from "../../reconciler/types.ts";

/**
 * What the engine last said of each attempt. A look costs the engine as much as it costs homie, and an attempt is looked at
 * several times between two changes; the engine's events and homie's own doings say when to look anew.
 */
export interface Sightings {
  /** Asks unless the last answer still holds. A failure is not kept. */
  look(name: string, ask: () => Promise<RuntimeFacts>): Promise<RuntimeFacts>;
  /** Something has happened to the attempt, or may have happened to any. */
  forget(name: string | undefined): void;
  /** Nothing said before or during `change` holds after it. */
  changing<T>(name: string, change: () => Promise<T>): Promise<T>;
  /** Answers are kept while the engine's events are listened to, until disposed. */
  listening(): Disposable;
}

/** Events get lost while a connection is down, and streams fall silent: nothing is believed for longer. */
const believedMs = 1_000;

export function createSightings(clock: Clock): Sightings {
  const seen = new Map<string, { readonly facts: Promise<RuntimeFacts>; readonly untilMs: number }>();
  let listeners = 0;

  function forget(name: string | undefined): void {
    if (name === undefined) seen.clear();
    else seen.delete(name);
  }

  return {
    look(name, ask) {
      const nowMs = clock.monotonicMs();
      const last = seen.get(name);
      if (last !== undefined && nowMs < last.untilMs) return last.facts;
      // An event that comes while this is on its way takes it out again, so an answer that is too old is given once at most.
      const facts = ask();
      if (listeners === 0) return facts;
      const sighting = { facts, untilMs: nowMs + believedMs };
      seen.set(name, sighting);
      facts.catch(() => {
        if (seen.get(name) === sighting) seen.delete(name);
      });
      return facts;
    },
    forget,
    async changing(name, change) {
      forget(name);
      try {
        return await change();
      } finally {
        forget(name);
      }
    },
    listening() {
      listeners += 1;
      return {
        [Symbol.dispose](): void {
          listeners -= 1;
          forget(undefined);
        },
      };
    },
  };
}
