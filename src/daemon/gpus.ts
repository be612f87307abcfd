import { createHash } from "node:crypto";
import type { SeenGpu } from "../adapters/system/gpus.ts";
import type { Clock } from "../reconciler/types.ts";
import type { AttemptSpec } from "../resources/attempt.ts";
import type { OwnGpus } from "../scheduler/gpu-match.ts";

export interface MachineGpusOptions {
  readonly clock: Clock;
  /** Asks the driver; undefined when it does not answer. */
  readonly read: () => Promise<readonly SeenGpu[] | undefined>;
  /** There are other devices than before. */
  readonly onChange: () => void;
}

/** The driver takes a while to answer; figures for others are as old as this. */
const refreshMs = 10_000;
/** Where nobody looks at figures, and where there was no card: one does not appear every day. */
const searchMs = 300_000;

/** The GPUs of this machine, as its driver last told. */
export class MachineGpus {
  readonly #options: MachineGpusOptions;
  #seen: readonly SeenGpu[] = [];
  #askedMs = -Infinity;

  constructor(options: MachineGpusOptions) {
    this.#options = options;
  }

  seen(): readonly SeenGpu[] {
    return this.#seen;
  }

  /** To be called as often as one likes. */
  async refresh(): Promise<void> {
    const { clock, read, onChange } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#askedMs < (this.#seen.length === 0 ? searchMs : refreshMs)) return;
    this.#askedMs = nowMs;
    const seen = await read();
    if (seen === undefined) return;
    const changed = devicesOf(seen) !== devicesOf(this.#seen);
    this.#seen = seen;
    if (changed) onChange();
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.refresh();
      await this.#options.clock.sleep(searchMs, signal);
    }
  }
}

/** What there is, what of it attempts hold, and how many of them Limits let them hold. */
export function ownGpus(seen: readonly SeenGpu[], held: ReadonlySet<string>, most: number): OwnGpus {
  const devices = seen.map(({ id, model, memoryTotal }) => ({
    ...{ id, model, memoryBytes: memoryTotal },
    free: !held.has(id),
  }));
  return { devices, most };
}

/** The devices become part of what decides what runs, and so of its hash. */
export function withGpus<Spec extends Pick<AttemptSpec, "specSha256">>(
  spec: Spec,
  gpus: readonly string[] | undefined,
): Spec & Pick<AttemptSpec, "gpus"> {
  if (gpus === undefined) return spec;
  const text = JSON.stringify([spec.specSha256, gpus]);
  return { ...spec, gpus, specSha256: createHash("sha256").update(text).digest("hex") };
}

function devicesOf(seen: readonly SeenGpu[]): string {
  return JSON.stringify(seen.map(({ id, model, memoryTotal }) => [id, model, memoryTotal]));
}
