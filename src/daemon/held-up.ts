import type { Clock, Logger } from "../reconciler/types.ts";

const beatMs = 1_000;
/** A busy machine is late by less; what waits for this daemon, a peer or a person, has noticed more. */
const noticeableMs = 2_000;
/** For how long `homie status` speaks of it. */
const rememberedMs = 10 * 60_000;

/** Notices when nothing of this process ran for a while: the event loop was blocked, or the process stopped. */
export class HeldUp {
  readonly #clock: Clock;
  readonly #log: Logger;
  #last: { readonly ms: number; readonly untilMs: number; readonly at: Date } | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Until the signal aborts. Time in which the whole machine sleeps does not count on a monotonic clock. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = this.#clock.monotonicMs();
      await this.#clock.sleep(beatMs, signal);
      const nowMs = this.#clock.monotonicMs();
      const lateMs = nowMs - beganMs - beatMs;
      if (lateMs < noticeableMs) continue;
      const ms = Math.round(lateMs);
      this.#last = { ms, untilMs: nowMs + rememberedMs, at: this.#clock.now() };
      this.#log.warn("the daemon was held up: nothing of it ran", { ms });
    }
  }

  /** For `homie status`, while it is news. */
  warning(): string | undefined {
    const last = this.#last;
    if (last === undefined || this.#clock.monotonicMs() > last.untilMs) return undefined;
    const seconds = (last.ms / 1_000).toFixed(1);
    return `the daemon was held up for ${seconds} s until ${last.at.toISOString()}: jobs ran on, but nobody saw to them; the machine may be overloaded`;
  }
}
