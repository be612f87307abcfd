import type { LimitsSpec } from "../resources/limits.ts";
import { parseBytes, parseCpu } from "../resources/quantities.ts";
import type { Allocatable } from "./admission.ts";

export interface MachineSize {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Size of the file system the home lies on. */
  readonly diskBytes: number;
}

/** Limits with the machine's own size and homie's defaults filled in: what is really enforced. */
export interface EffectiveLimits {
  readonly allocatable: Allocatable;
  readonly pids: number;
  readonly timeoutSeconds?: number;
  readonly runtime: "docker" | "process";
  readonly snoozedUntil?: string;
  /** Fields that ask for more than the machine has; they were lowered. */
  readonly clamped: readonly string[];
}

/** Linux gives a container of 512 tasks room for data loaders and stops a fork bomb. */
const defaultPids = 512;
/** The rest of the memory is the owner's own. */
const defaultMemoryShare = 0.8;

export function effectiveLimits(spec: LimitsSpec, machine: MachineSize): EffectiveLimits {
  const clamped: string[] = [];
  const lent = (field: string, asked: number | undefined, size: number, unasked: number): number => {
    if (asked === undefined) return unasked;
    if (asked > size) clamped.push(field);
    return Math.min(asked, size);
  };
  const memory = spec.memory === undefined ? undefined : parseBytes(spec.memory);
  const disk = spec.disk === undefined ? undefined : parseBytes(spec.disk);
  const cpu = spec.cpu === undefined ? undefined : parseCpu(spec.cpu);
  return {
    allocatable: {
      cpu: lent("cpu", cpu, machine.cpus, machine.cpus),
      memoryBytes: lent("memory", memory, machine.memoryBytes, Math.floor(machine.memoryBytes * defaultMemoryShare)),
      diskBytes: lent("disk", disk, machine.diskBytes, machine.diskBytes),
      jobs: spec.maxJobs ?? Infinity,
    },
    pids: spec.pids ?? defaultPids,
    ...(spec.timeoutSeconds === undefined ? {} : { timeoutSeconds: spec.timeoutSeconds }),
    runtime: spec.runtime ?? "docker",
    ...(spec.snoozedUntil === undefined ? {} : { snoozedUntil: spec.snoozedUntil }),
    clamped,
  };
}
