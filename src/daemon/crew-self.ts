import { saveBoot, countBoot } from "../adapters/identity/pins.ts";
import { formatEndpoint } from "../adapters/tls/endpoint.ts";
import { ownAddresses, reachableAddresses } from "../adapters/udp/interfaces.ts";
import { createVitals } from "../adapters/system/vitals.ts";
import type { SeenGpu } from "../adapters/system/gpus.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { Allocated } from "../scheduler/admission.ts";
import { openRecord, signRecord, type LiveRecord } from "../trust/record.ts";
import { gpusLent, type OwnGpus } from "../scheduler/gpu-match.ts";

export interface SelfOptions {
  readonly node: string;
  readonly name: string;
  readonly version: string;
  /** PKCS #8 DER, base64. */
  readonly identityKey: string;
  /** File that counts starts. */
  readonly bootPath: string;
  /** Home directory: its disk is the one that jobs use. */
  readonly root: string;
  readonly limits: () => EffectiveLimits;
  readonly allocated: () => Allocated;
  readonly port: () => number;
  readonly now: () => Date;
  /** On what terms this machine lends, see `LiveRecord.lends`. */
  readonly terms: () => Readonly<Record<string, unknown>>;
  readonly gpus: GpuSight;
  readonly tunnel?: () => LiveRecord["tunnel"];
}

/** GPUs of this machine: as the driver sees them, and as they are lent, in the same order. */
export interface GpuSight {
  seen(): readonly SeenGpu[];
  lent(): OwnGpus;
  refresh(): Promise<void>;
}

const maxEndpoints = 8;

/** Which cards they are exactly is nobody else's business. */
function withoutId(gpu: SeenGpu): LiveRecord["gpus"][number] {
  const { id: _, ...figures } = gpu;
  return figures;
}

/** What this machine says of itself: one signed record after the other, each with a higher number. */
export class CrewSelf {
  readonly #options: SelfOptions;
  readonly #vitals: () => Pick<LiveRecord, "cpuCount" | "cpuUsedPercent" | "memoryTotal" | "memoryFree" | "diskFree">;
  #boot: number;
  #seq = 0;

  constructor(options: SelfOptions) {
    this.#options = options;
    this.#boot = countBoot(options.bootPath);
    this.#vitals = createVitals(options.root);
  }

  /** Numbers for a beacon or a record; never handed out twice. */
  nextNumber(): { readonly boot: number; readonly seq: number } {
    this.#seq += 1;
    return { boot: this.#boot, seq: this.#seq };
  }

  nextRecord(): Buffer {
    const { node, name, version, identityKey } = this.#options;
    const { allocatable } = this.#options.limits();
    const held = this.#options.allocated();
    const gpus = this.#options.gpus.seen();
    const lent = this.#options.gpus.lent();
    const cards = gpusLent(lent);
    const tunnel = this.#options.tunnel?.();
    const record: LiveRecord = {
      node,
      name,
      version,
      ...this.nextNumber(),
      ...this.#vitals(),
      gpus: gpus.map(withoutId),
      jobs: held.jobs,
      allocatable: {
        cpu: allocatable.cpu,
        memory: allocatable.memoryBytes,
        disk: allocatable.diskBytes,
        gpus: cards.total,
        jobs: Number.isFinite(allocatable.jobs) ? allocatable.jobs : 100_000,
      },
      allocated: {
        ...{ cpu: held.cpu, memory: held.memoryBytes, disk: held.diskBytes, jobs: held.jobs },
        gpus: cards.total - cards.free,
      },
      lends: { ...this.#options.terms(), gpus: lent.devices.flatMap(({ free }, index) => (free ? [index] : [])) },
      wallClockMs: this.#options.now().getTime(),
      endpoints: this.#endpoints(),
      ...(tunnel === undefined ? {} : { tunnel }),
    };
    return signRecord(record, identityKey);
  }

  /**
   * A peer shows a record of ours with a higher number than the one we sent: this home came back from a backup. Only our
   * own signature makes us believe it. True when the numbers have jumped ahead.
   */
  jumpPast(bytes: Uint8Array): boolean {
    const shown = openRecord(bytes)?.record;
    if (shown === undefined || shown.node !== this.#options.node || shown.boot < this.#boot) return false;
    if (shown.boot === this.#boot && shown.seq <= this.#seq) return false;
    this.#boot = shown.boot + 1;
    this.#seq = 0;
    saveBoot(this.#options.bootPath, this.#boot);
    return true;
  }

  #endpoints(): readonly string[] {
    const port = this.#options.port();
    if (port === 0) return [];
    return reachableAddresses(ownAddresses())
      .map(({ address }) => formatEndpoint({ host: address, port }))
      .slice(0, maxEndpoints);
  }
}
