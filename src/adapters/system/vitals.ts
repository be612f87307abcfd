import { cpus, freemem, totalmem } from "node:os";
import type { LiveRecord } from "../../trust/record.ts";
import { freeDiskBytes } from "./machine.ts";

export type Vitals = Pick<LiveRecord, "cpuCount" | "cpuUsedPercent" | "memoryTotal" | "memoryFree" | "diskFree">;

/** Reads this machine; use of processors counts from one call to the next. `directory` lies on the disk that is meant. */
export function createVitals(directory: string): () => Vitals {
  let before = cpuTimes();
  return () => {
    const now = cpuTimes();
    const total = now.total - before.total;
    const used = total > 0 ? 1 - (now.idle - before.idle) / total : 0;
    before = now;
    return {
      cpuCount: now.count,
      cpuUsedPercent: Math.round(Math.min(1, Math.max(0, used)) * 1_000) / 10,
      memoryTotal: totalmem(),
      memoryFree: freemem(),
      diskFree: freeDiskBytes(directory),
    };
  };
}

function cpuTimes(): { readonly count: number; readonly idle: number; readonly total: number } {
  const all = cpus();
  const times = all.map(({ times: each }) => each);
  return {
    count: all.length,
    idle: times.reduce((sum, each) => sum + each.idle, 0),
    total: times.reduce((sum, each) => sum + each.idle + each.user + each.sys + each.nice + each.irq, 0),
  };
}
