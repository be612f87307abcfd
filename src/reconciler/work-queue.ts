import type { Clock } from "./types.ts";

/**
 * Keys waiting to be reconciled.
 *
 * Invariants: a key is handed to one taker at a time; a key added while it is being worked on is handed out once
 * more afterwards; equal keys waiting are one; of two delays for one key the earlier wins, and adding it at once
 * cancels the delay.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #ready = new Set<string>();
  readonly #inWork = new Set<string>();
  readonly #again = new Set<string>();
  readonly #dueMs = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #alarm: AbortController | undefined;
  #alarmMs = Infinity;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waiting, delayed and in work. */
  get size(): number {
    return this.#ready.size + this.#dueMs.size + this.#inWork.size;
  }

  /** Nothing waits without a delay and nothing is in work. */
  get settled(): boolean {
    return this.#ready.size === 0 && this.#inWork.size === 0;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#dueMs.delete(key);
    if (this.#inWork.has(key)) {
      this.#again.add(key);
      return;
    }
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#ready.add(key);
      return;
    }
    this.#inWork.add(key);
    taker(key);
  }

  addAfter(key: string, delayMs: number): void {
    if (delayMs <= 0) return this.add(key);
    if (this.#closed || this.#ready.has(key) || this.#again.has(key)) return;
    const dueMs = this.#clock.monotonicMs() + delayMs;
    if (dueMs >= (this.#dueMs.get(key) ?? Infinity)) return;
    this.#dueMs.set(key, dueMs);
    this.#setAlarm();
  }

  /** Undefined once the queue is closed. Whoever takes a key must call `done` with it. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const next = this.#ready.values().next();
    if (next.done === true) return new Promise((resolve) => this.#takers.push(resolve));
    this.#ready.delete(next.value);
    this.#inWork.add(next.value);
    return Promise.resolve(next.value);
  }

  done(key: string): void {
    this.#inWork.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  close(): void {
    this.#closed = true;
    this.#alarm?.abort();
    this.#dueMs.clear();
    this.#ready.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #setAlarm(): void {
    const earliestMs = Math.min(...this.#dueMs.values(), Infinity);
    if (earliestMs === this.#alarmMs) return;
    this.#alarm?.abort();
    this.#alarmMs = earliestMs;
    if (earliestMs === Infinity) return;
    const alarm = new AbortController();
    this.#alarm = alarm;
    const waitMs = Math.max(0, earliestMs - this.#clock.monotonicMs());
    void this.#clock.sleep(waitMs, alarm.signal).then(() => {
      if (!alarm.signal.aborted) this.#ring();
    });
  }

  #ring(): void {
    this.#alarmMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    for (const [key, dueMs] of [...this.#dueMs]) {
      if (dueMs <= nowMs) this.add(key);
    }
    this.#setAlarm();
  }
}
