import { saveBoot, countBoot } from "../adapters/identity/pins.ts";
import { formatEndpoint } from "../adapters/tls/endpoint.ts";
import { ownAddresses, reachableAddresses } from "../adapters/udp/interfaces.ts";
import { createVitals, readGpus } from "../adapters/system/vitals.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import type { Allocated } from "../scheduler/admission.ts";
import { openRecord, signRecord, type LiveRecord, type RecordGpu } from "../trust/record.ts";

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
}

const gpuRefreshMs = 10_000;
/** Where there was no card, one does not appear every day. */
const gpuSearchMs = 300_000;
const maxEndpoints = 8;

/** What this machine says of itself: one signed record after the other, each with a higher number. */
export class CrewSelf {
  readonly #options: SelfOptions;
  readonly #vitals: () => Pick<LiveRecord, "cpuCount" | "cpuUsedPercent" | "memoryTotal" | "memoryFree" | "diskFree">;
  #boot: number;
  #seq = 0;
  #gpus: readonly RecordGpu[] = [];
  #gpusMs = -Infinity;

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
    const record: LiveRecord = {
      node,
      name,
      version,
      ...this.nextNumber(),
      ...this.#vitals(),
      gpus: this.#gpus,
      jobs: held.jobs,
      allocatable: {
        cpu: allocatable.cpu,
        memory: allocatable.memoryBytes,
        disk: allocatable.diskBytes,
        gpus: this.#gpus.length,
        jobs: Number.isFinite(allocatable.jobs) ? allocatable.jobs : 100_000,
      },
      allocated: { cpu: held.cpu, memory: held.memoryBytes, disk: held.diskBytes, gpus: 0, jobs: held.jobs },
      lends: this.#options.terms(),
      wallClockMs: this.#options.now().getTime(),
      endpoints: this.#endpoints(),
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

  /** nvidia-smi takes a while; a record carries what the last call said. */
  async refreshGpus(nowMs: number): Promise<void> {
    if (nowMs - this.#gpusMs < (this.#gpus.length === 0 ? gpuSearchMs : gpuRefreshMs)) return;
    this.#gpusMs = nowMs;
    this.#gpus = await readGpus();
  }

  #endpoints(): readonly string[] {
    const port = this.#options.port();
    if (port === 0) return [];
    return reachableAddresses(ownAddresses())
      .map(({ address }) => formatEndpoint({ host: address, port }))
      .slice(0, maxEndpoints);
  }
}
