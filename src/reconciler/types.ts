import type { Key, Kind, Resource } from "../resources/types.ts";

/** Errors are thrown, not returned: `TerminalError` waits for a change, any other backs off and tries again. */
export interface Result {
  readonly requeueAfterMs?: number;
}

/** What the engine runs. Idempotent; one call at a time per key. */
export interface Reconciler {
  reconcile(key: Key, context: Context): Promise<Result>;
}

/** What a kind supplies. `plan` and `summarize` are pure and synchronous, so most tests need nothing else. */
export interface Controller<R extends Resource, Actual, Action extends { readonly type: string }> {
  readonly kind: R["kind"];
  observe(desired: R, context: Context): Promise<Actual>;
  /** The next actions only; `[]` means converged. */
  plan(desired: R, actual: Actual, now: Date): readonly Action[];
  execute(action: Action, desired: R, context: Context): Promise<void>;
  summarize(desired: R, actual: Actual, now: Date): Summary<R>;
}

export interface Summary<R extends Resource> {
  readonly status: NonNullable<R["status"]>;
  readonly result: Result;
}

/** The part of the object store that controllers see. Reads are synchronous: everything is in memory. */
export interface Store {
  get<R extends Resource>(key: Key): R | undefined;
  list<R extends Resource>(kind: R["kind"]): readonly R[];
  /** Durable when it returns. Throws ConflictError if `resourceVersion` is stale. Writes nothing if nothing changed. */
  putStatus<R extends Resource>(resource: R, status: NonNullable<R["status"]>): R;
  setFinalizers(key: Key, finalizers: readonly string[]): void;
  /** Called with the key of every changed object of the kind, its removal included. */
  watch(kind: Kind, onChange: (key: Key) => void): Disposable;
}

/** For kinds the daemon itself writes (Attempt): desired content comes from a controller instead of a file. */
export interface OwnedStore extends Store {
  /** Throws AlreadyExists. */
  create<R extends Resource>(
    draft: Pick<R, "kind" | "spec"> & { readonly name: string; readonly finalizers?: readonly string[] },
  ): R;
  putSpec<R extends Resource>(resource: R, spec: R["spec"]): R;
  /** Sets deletionTimestamp; removes at once when there are no finalizers. Idempotent. */
  delete(key: Key): void;
}

export interface Context {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface Clock {
  now(): Date;
  /** Monotonic milliseconds, for measuring. */
  monotonicMs(): number;
  /** Resolves early, without error, when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface EventRecorder {
  /** Equal (about, type, reason, message) are merged: count and lastTimestamp go up. Never throws. */
  record(about: Key, type: "Normal" | "Warning", reason: string, message: string): void;
}

export type Logger = Record<"debug" | "info" | "warn" | "error", (message: string, fields?: object) => void>;

export type { Key };
