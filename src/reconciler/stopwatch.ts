import type { Clock } from "./types.ts";

/**
 * How long ago something was, by a clock nobody can set. A timestamp is compared with the wall clock once, when it is
 * first seen; from then on monotonic time is added, so that a clock set to another day makes nothing expire.
 */
export class Stopwatch {
  readonly #clock: Pick<Clock, "now" | "monotonicMs">;
  readonly #seen = new Map<string, { readonly timestamp?: string; readonly startMs: number }>();

  constructor(clock: Pick<Clock, "now" | "monotonicMs">) {
    this.#clock = clock;
  }

  /** Milliseconds since `timestamp`, never negative; `name` tells what it is the time of, one timestamp a name. */
  elapsedMs(name: string, timestamp: string): number {
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#seen.get(name);
    if (seen?.timestamp === timestamp) return nowMs - seen.startMs;
    const byWallMs = Math.max(0, this.#clock.now().getTime() - Date.parse(timestamp));
    const wasNotYet = seen !== undefined && seen.timestamp === undefined;
    const ageMs = wasNotYet ? Math.min(byWallMs, nowMs - seen.startMs) : byWallMs;
    this.#seen.set(name, { timestamp, startMs: nowMs - ageMs });
    return ageMs;
  }

  /** It has not been yet: whatever timestamp will be told, it will be now or later. */
  notYet(name: string): void {
    this.#seen.set(name, { startMs: this.#clock.monotonicMs() });
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }
}
