import type { Clock, EventRecorder, Logger } from "../reconciler/types.ts";

export interface RefusalsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
}

/** The same words are said once in this time. */
const quietMs = 60_000;
const recentMs = 600_000;
/** Different words that are remembered; a flood of strangers says no more. */
const most = 16;

/** Says who was turned away and why: in the log, as an event, and in `homie status`; never once a packet. */
export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #said = new Map<string, number>();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** `peer` is the Peer object it is about, if there is one. */
  report(peer: string | undefined, reason: string, message: string): void {
    const { clock, log, events } = this.#options;
    const now = clock.monotonicMs();
    this.#dropOld(now);
    const saidMs = this.#said.get(message);
    if ((saidMs !== undefined && now - saidMs < quietMs) || (saidMs === undefined && this.#said.size >= most)) return;
    this.#said.set(message, now);
    log.warn(message, { reason, ...(peer === undefined ? {} : { peer }) });
    if (peer !== undefined) events.record({ kind: "Peer", name: peer }, "Warning", reason, message);
  }

  recent(): readonly string[] {
    this.#dropOld(this.#options.clock.monotonicMs());
    return [...this.#said.keys()];
  }

  #dropOld(now: number): void {
    for (const [message, saidMs] of this.#said) if (now - saidMs >= recentMs) this.#said.delete(message);
  }
}
