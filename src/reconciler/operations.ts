import type { Clock } from "./types.ts";

interface Underway<Name extends string> {
  readonly name: Name;
  readonly sinceMs: number;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Long work on objects, in the background: at most one operation a key. What it throws is thrown by the next
 * `takeFailure`, so that the engine backs off as it does for every other error.
 */
export class Operations<Name extends string> {
  readonly #clock: Clock;
  readonly #underway = new Map<string, Underway<Name>>();
  readonly #failures = new Map<string, unknown>();
  readonly #wake: (key: string) => void;

  constructor(clock: Clock, wake: (key: string) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  find(key: string): { readonly name: Name; readonly elapsedMs: number; readonly aborted: boolean } | undefined {
    const found = this.#underway.get(key);
    if (found === undefined) return undefined;
    const elapsedMs = this.#clock.monotonicMs() - found.sinceMs;
    return { name: found.name, elapsedMs, aborted: found.abort.signal.aborted };
  }

  /** The error of an operation that failed since the last call, once. */
  takeFailure(key: string): { readonly error: unknown } | undefined {
    if (!this.#failures.has(key)) return undefined;
    const error = this.#failures.get(key);
    this.#failures.delete(key);
    return { error };
  }

  /** Starts the work and waits for it up to `patienceMs`; later it wakes the key when it ends. */
  async begin(
    key: string,
    name: Name,
    patienceMs: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const abort = new AbortController();
    const waiting = new AbortController();
    const ended = work(abort.signal)
      .catch((error: unknown) => {
        // Aborted means nobody wants the result: not an error.
        if (!abort.signal.aborted) this.#failures.set(key, error);
      })
      .then(() => {
        this.#underway.delete(key);
        if (waiting.signal.aborted) this.#wake(key);
        waiting.abort();
      });
    this.#underway.set(key, { name, sinceMs: this.#clock.monotonicMs(), abort, ended });
    await this.#clock.sleep(patienceMs, waiting.signal);
    waiting.abort();
  }

  abort(key: string): void {
    this.#underway.get(key)?.abort.abort();
  }

  async abortAll(): Promise<void> {
    for (const { abort } of this.#underway.values()) abort.abort();
    await Promise.allSettled([...this.#underway.values()].map(({ ended }) => ended));
  }
}
