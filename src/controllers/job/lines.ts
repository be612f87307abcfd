import type { Job } from "../../resources/job.ts";
import { WaitingList } from "../../scheduler/waiting-list.ts";

/**
 * Jobs that wait for this machine. Those that need a GPU stand in a line of their own: one may be held for days, and who
 * needs none does not wait for it.
 */
export class JobLines {
  readonly #gpu = new WaitingList();
  readonly #other = new WaitingList();

  offer({ metadata, spec }: Job): void {
    const { name, creationTimestamp: since } = metadata;
    const needsGpu = spec.resources?.gpu !== undefined;
    // An edited Job may have changed the line.
    (needsGpu ? this.#other : this.#gpu).withdraw(name);
    (needsGpu ? this.#gpu : this.#other).offer({ name, priority: spec.priority ?? 0, since });
  }

  withdraw(name: string): void {
    this.#gpu.withdraw(name);
    this.#other.withdraw(name);
  }

  /** Who is next, in each line. */
  heads(): readonly string[] {
    return [this.#gpu.head(), this.#other.head()].filter((name) => name !== undefined);
  }

  isBehind(name: string): boolean {
    return (this.#gpu.position(name) ?? this.#other.position(name) ?? 0) > 0;
  }
}
