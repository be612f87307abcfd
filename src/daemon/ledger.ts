import type { Attempt } from "../resources/attempt.ts";
import type { Store } from "../reconciler/types.ts";
import type { Allocated } from "../scheduler/admission.ts";

/**
 * What attempts hold, and which attempts belong to which Job, kept up as objects change instead of being counted
 * anew for each of thousands of waiting Jobs.
 */
export class Ledger {
  readonly #store: Store;
  readonly #active = new Map<string, Attempt>();
  readonly #byJob = new Map<string, Map<string, Attempt>>();
  readonly #subscription: Disposable;

  /** `onFreed` hears of every attempt that gives back what it held. */
  constructor(store: Store, onFreed: () => void) {
    this.#store = store;
    this.#subscription = store.watch("Attempt", ({ name }) => this.#take(name, onFreed));
    for (const { metadata } of store.list<Attempt>("Attempt")) this.#take(metadata.name, onFreed);
  }

  attemptsOf(uid: string): readonly Attempt[] {
    return [...(this.#byJob.get(uid)?.values() ?? [])];
  }

  allocated(): Allocated {
    let [cpu, memoryBytes, diskBytes] = [0, 0, 0];
    for (const { spec } of this.#active.values()) {
      cpu += spec.resources.cpu;
      memoryBytes += spec.resources.memoryBytes;
      diskBytes += spec.resources.diskBytes;
    }
    return { cpu, memoryBytes, diskBytes, jobs: this.#active.size };
  }

  /** Ids of GPUs. */
  heldGpus(): ReadonlySet<string> {
    return new Set([...this.#active.values()].flatMap(({ spec }) => spec.gpus ?? []));
  }

  /** Names of Jobs that hold something, sorted. */
  running(): readonly string[] {
    return [...new Set([...this.#active.values()].map(({ spec }) => spec.job.name))].toSorted();
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
  }

  #take(name: string, onFreed: () => void): void {
    const attempt = this.#store.get<Attempt>({ kind: "Attempt", name });
    const held = this.#active.has(name);
    if (attempt === undefined) {
      this.#active.delete(name);
      // An attempt is called `<uid>-<number>`.
      const uid = name.slice(0, name.lastIndexOf("-"));
      this.#byJob.get(uid)?.delete(name);
      if (this.#byJob.get(uid)?.size === 0) this.#byJob.delete(uid);
    } else {
      const { uid } = attempt.spec.job;
      const siblings = this.#byJob.get(uid) ?? new Map<string, Attempt>();
      this.#byJob.set(uid, siblings.set(name, attempt));
      // What runs on another machine holds nothing here.
      if (attempt.status?.phase === "Finished" || attempt.spec.executor !== undefined) this.#active.delete(name);
      else this.#active.set(name, attempt);
    }
    if (held && !this.#active.has(name)) onFreed();
  }
}
