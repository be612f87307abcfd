import { execFile } from "node:child_process";
import { cpus, freemem, totalmem } from "node:os";
import { promisify } from "node:util";
import type { LiveRecord, RecordGpu } from "../../trust/record.ts";
import { freeDiskBytes } from "./machine.ts";

const run = promisify(execFile);
const gpuTimeoutMs = 5_000;
const mebi = 1024 * 1024;

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

/** Graphics processors as nvidia-smi tells of them; none where there is no such program, or it fails. */
export async function readGpus(): Promise<readonly RecordGpu[]> {
  const query = "--query-gpu=name,memory.total,memory.free,utilization.gpu";
  try {
    const { stdout } = await run("nvidia-smi", [query, "--format=csv,noheader,nounits"], { timeout: gpuTimeoutMs });
    return stdout.split("\n").flatMap(parseGpu);
  } catch {
    return []; // not there, or without a driver: this machine has no GPU to lend
  }
}

function parseGpu(line: string): readonly RecordGpu[] {
  const [model = "", total, free, used] = line.split(",").map((cell) => cell.trim());
  const [memoryTotal = Number.NaN, memoryFree = 0, usedPercent = 0] = [total, free, used].map(Number);
  if (model === "" || !Number.isFinite(memoryTotal)) return [];
  const sound = (value: number): number => (Number.isFinite(value) ? value : 0);
  return [
    {
      model: model.slice(0, 128),
      memoryTotal: memoryTotal * mebi,
      memoryFree: sound(memoryFree) * mebi,
      usedPercent: sound(usedPercent),
    },
  ];
}
