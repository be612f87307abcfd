import type { AttemptResources } from "../resources/attempt.ts";

/** What this machine lends, in whole: Limits with the machine's own size filled in. */
export interface Allocatable {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly jobs: number; // Infinity: no limit on their number
}

/** What running attempts hold together. */
export interface Allocated {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly jobs: number;
}

export type Admission =
  | { readonly admitted: true }
  /** `never`: no amount of waiting helps, the request is larger than what is lent. */
  | {
      readonly admitted: false;
      readonly never: boolean;
      readonly need: string;
      readonly have: string;
      readonly limit: string;
    };

/** Sums of decimal cores (0.1 + 0.2) must not refuse the last slot. */
const tolerance = 1e-6;

/**
 * Says whether one more attempt fits. What can never fit is told before what only has to wait, so that a Job is
 * not left hoping for a slot that cannot come.
 */
export function admit(request: AttemptResources, allocated: Allocated, allocatable: Allocatable): Admission {
  const rows = [
    { limit: "cpu", need: request.cpu, used: allocated.cpu, all: allocatable.cpu },
    { limit: "memory", need: request.memoryBytes, used: allocated.memoryBytes, all: allocatable.memoryBytes },
    { limit: "disk", need: request.diskBytes, used: allocated.diskBytes, all: allocatable.diskBytes },
    { limit: "maxJobs", need: 1, used: allocated.jobs, all: allocatable.jobs },
  ];
  const impossible = rows.find((row) => row.need > row.all + tolerance);
  if (impossible !== undefined) return refuse(impossible, true, impossible.all);
  const short = rows.find((row) => row.need > row.all - row.used + tolerance);
  return short === undefined ? { admitted: true } : refuse(short, false, short.all);
}

function refuse(row: { limit: string; need: number }, never: boolean, have: number): Admission {
  return { admitted: false, never, limit: row.limit, need: amount(row.limit, row.need), have: amount(row.limit, have) };
}

function amount(limit: string, value: number): string {
  if (limit !== "memory" && limit !== "disk") return String(Math.round(value * 1000) / 1000);
  const mebibytes = Math.round(value / 2 ** 20);
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}Gi` : `${mebibytes}Mi`;
}
