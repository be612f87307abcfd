import { formatBytes, formatCpu } from "../resources/quantities.ts";
import { fits } from "./fits.ts";
import { gpusEverFor, gpusFor } from "./gpu-match.ts";
import type { Claim, ClaimLimit, ClaimLimits, DenyReason, MachineNow } from "./judge-claim.ts";

interface Row {
  readonly limit: ClaimLimit;
  readonly need: number;
  readonly lent: number;
  readonly free: number;
  readonly show: (amount: number) => string;
}

/** Every amount that is more than this machine has free, in the order of Limits. */
export function capacityReasons(claim: Claim, limits: ClaimLimits, machine: MachineNow): readonly DenyReason[] {
  const { allocatable, pids } = limits.effective;
  const { allocated } = machine;
  const rows: Row[] = [
    row("cpu", claim.cpu, allocatable.cpu, allocatable.cpu - allocated.cpu),
    row(
      "memory",
      claim.memoryBytes,
      allocatable.memoryBytes,
      Math.min(allocatable.memoryBytes - allocated.memoryBytes, machine.memoryFreeBytes ?? Infinity),
    ),
    row(
      "disk",
      claim.diskBytes,
      allocatable.diskBytes,
      Math.min(allocatable.diskBytes - allocated.diskBytes, machine.diskFreeBytes ?? Infinity),
    ),
    ...gpuRow(claim, limits, machine),
    row("maxJobs", 1, allocatable.jobs, allocatable.jobs - allocated.jobs),
    ...(claim.pids === undefined ? [] : [row("pids", claim.pids, pids, pids)]),
  ];
  return rows.flatMap(judgeRow);
}

const shows: Partial<Record<ClaimLimit, Row["show"]>> = { cpu: formatCpu, memory: formatBytes, disk: formatBytes };

function row(limit: ClaimLimit, need: number, lent: number, free: number): Row {
  return { limit, need, lent, free: Math.max(0, free), show: shows[limit] ?? String };
}

/** GPUs are lent by number, but a Job may need those of a model or size. */
function gpuRow({ gpu }: Claim, { rules }: ClaimLimits, { gpus }: MachineNow): readonly Row[] {
  if (gpu === undefined) return [];
  const held = gpus.filter(({ free }) => !free).length;
  const ever = gpusEverFor(gpu, gpus);
  const free = Math.min(gpusFor(gpu, gpus).length, rules.gpus - held);
  return [row("gpus", gpu.count, Math.min(ever, rules.gpus), free)];
}

/** A need that is no number above zero would be debited as such: it never passes. */
function judgeRow({ limit, need, lent, free, show }: Row): readonly DenyReason[] {
  if (!(need > 0) || need === Infinity) {
    return [{ limit, need: String(need), free: show(free), message: `${limit}: ${need} is no amount`, lasting: true }];
  }
  if (fits(need, free)) return [];
  const lasting = !fits(need, lent);
  const message = lasting
    ? `${limit}: needs ${show(need)}, this machine lends ${show(lent)}`
    : `${limit}: needs ${show(need)}, ${show(free)} of ${show(lent)} is free`;
  return [{ limit, need: show(need), free: show(free), message, lasting }];
}
