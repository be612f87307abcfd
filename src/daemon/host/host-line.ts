import type { ClaimAnswer } from "../../adapters/peers/host-port.ts";
import { WaitingList } from "../../scheduler/waiting-list.ts";
import type { Clock } from "../../reconciler/types.ts";

/** Whoever has not asked again for so long does not wait any more. */
const forgetMs = 60_000;
/** Freed capacity is kept for the first in line for so long; everybody is told of it at once, so an answer takes one round trip. */
const inviteMs = 2_000;

export interface LineEntry {
  /** Of the Job; one Job waits once, whatever the number of its attempt. */
  readonly uid: string;
  readonly priority: number;
}

/**
 * Jobs of other machines that wait for room here, by priority and then by how long they wait. When room comes the first in
 * line is invited: for a moment nobody passes it. Only wishes are kept, in memory; a restart forgets the order, not the Jobs.
 */
export class HostLine {
  readonly #clock: Clock;
  readonly #list = new WaitingList();
  readonly #entries = new Map<string, { readonly since: string; seenMs: number }>();
  #invitedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something was given back: the first in line has the first word. */
  freed(): void {
    this.#invitedUntilMs = this.#clock.monotonicMs() + inviteMs;
  }

  /** Why this Job may not pass, or undefined. */
  ahead({ uid }: LineEntry): Extract<ClaimAnswer, { granted: false }> | undefined {
    this.#forgetOld();
    const head = this.#list.head();
    if (head === undefined || head === uid || this.#clock.monotonicMs() >= this.#invitedUntilMs) return undefined;
    const message = "maxJobs: there is room, and a job that waits longer has been invited";
    return { granted: false, reasons: [{ limit: "maxJobs", need: "1", free: "0", message }], waitable: true };
  }

  wait({ uid, priority }: LineEntry): void {
    const known = this.#entries.get(uid);
    const since = known?.since ?? this.#clock.now().toISOString();
    this.#entries.set(uid, { since, seenMs: this.#clock.monotonicMs() });
    this.#list.offer({ name: uid, priority, since });
  }

  leave({ uid }: LineEntry): void {
    this.#entries.delete(uid);
    this.#list.withdraw(uid);
  }

  #forgetOld(): void {
    const before = this.#clock.monotonicMs() - forgetMs;
    for (const [uid, { seenMs }] of this.#entries) if (seenMs < before) this.leave({ uid, priority: 0 });
  }
}
