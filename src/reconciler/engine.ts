import { HomieError, TerminalError } from "../resources/errors.ts";
import type { Key, Kind } from "../resources/types.ts";
import { backoffMs, defaultBackoff, isOutage, outageBackoff, type BackoffOptions } from "./backoff.ts";
import type { Context, Reconciler } from "./types.ts";
import { WorkQueue } from "./work-queue.ts";

export interface EngineOptions {
  readonly context: Context;
  /** In [0, 1); spreads retries. */
  readonly random: () => number;
  readonly backoff?: BackoffOptions;
  /** Awaited after each key: lets the rest of the process have its turn while thousands of keys are due. */
  readonly breathe?: () => Promise<void>;
}

export interface Registration {
  readonly kind: Kind;
  readonly reconciler: Reconciler;
  /** How many keys of the kind are worked on at once. */
  readonly workers: number;
  /** Every key again after this long, to find what no event told. */
  readonly resyncMs: number;
}

/**
 * One queue per kind. Subscribes first and lists second, so that nothing falls between. A reconciler that throws is
 * tried again with backoff and never stops the others; a TerminalError waits for the next change.
 */
export class Engine {
  readonly #context: Context;
  readonly #random: () => number;
  readonly #backoff: BackoffOptions;
  readonly #breathe: (() => Promise<void>) | undefined;
  readonly #queues = new Map<Kind, WorkQueue>();
  readonly #failures = new Map<string, number>();
  readonly #registrations: Registration[] = [];
  readonly #subscriptions: Disposable[] = [];
  readonly #loops: Promise<void>[] = [];

  constructor(options: EngineOptions) {
    this.#context = options.context;
    this.#random = options.random;
    this.#backoff = options.backoff ?? defaultBackoff;
    this.#breathe = options.breathe;
  }

  register(registration: Registration): void {
    this.#registrations.push(registration);
    this.#queues.set(registration.kind, new WorkQueue(this.#context.clock));
  }

  start(): void {
    for (const registration of this.#registrations) {
      const { kind } = registration;
      this.#subscriptions.push(this.#context.store.watch(kind, (key) => this.enqueue(key)));
      this.#enqueueAll(kind);
      for (let worker = 0; worker < registration.workers; worker++) this.#loops.push(this.#work(registration));
      this.#loops.push(this.#resync(registration));
    }
  }

  enqueue(key: Key): void {
    this.#queues.get(key.kind)?.add(key.name);
  }

  /** True when nothing is in work or waits without a delay. */
  settled(): boolean {
    return [...this.#queues.values()].every((queue) => queue.settled);
  }

  /** Ends after the calls in work; the context's signal must have been aborted. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    for (const queue of this.#queues.values()) queue.close();
    await Promise.allSettled(this.#loops);
  }

  #enqueueAll(kind: Kind): void {
    for (const resource of this.#context.store.list(kind)) this.enqueue({ kind, name: resource.metadata.name });
  }

  async #resync(registration: Registration): Promise<void> {
    const { clock, signal } = this.#context;
    while (!signal.aborted) {
      await clock.sleep(registration.resyncMs, signal);
      if (!signal.aborted) this.#enqueueAll(registration.kind);
    }
  }

  async #work(registration: Registration): Promise<void> {
    const queue = this.#queues.get(registration.kind);
    if (queue === undefined) return;
    for (;;) {
      const name = await queue.take();
      if (name === undefined) return;
      const delayMs = await this.#reconcile(registration.reconciler, { kind: registration.kind, name });
      queue.done(name);
      if (delayMs !== undefined) queue.addAfter(name, delayMs);
      await this.#breathe?.();
    }
  }

  async #reconcile(reconciler: Reconciler, key: Key): Promise<number | undefined> {
    const id = `${key.kind}/${key.name}`;
    try {
      const result = await reconciler.reconcile(key, this.#context);
      this.#failures.delete(id);
      return result.requeueAfterMs;
    } catch (error) {
      return this.#afterFailure(id, key, error);
    }
  }

  #afterFailure(id: string, key: Key, error: unknown): number | undefined {
    if (this.#context.signal.aborted) return undefined;
    // Somebody wrote in between: look again, nothing is wrong.
    if (error instanceof HomieError && error.code === "Conflict") return 0;
    const message = error instanceof Error ? error.message : String(error);
    this.#context.log.error("reconcile failed", { ...key, error });
    this.#context.events.record(key, "Warning", error instanceof HomieError ? error.code : "InternalError", message);
    if (error instanceof TerminalError) return undefined;
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    return backoffMs(failures, this.#random(), isOutage(error) ? outageBackoff : this.#backoff);
  }
}
