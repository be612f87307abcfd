import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RecordGpu } from "../../trust/record.ts";

/** A graphics processor, as its driver sees it now. Sizes in bytes. */
export interface SeenGpu extends RecordGpu {
  /** UUID of the device: the same after a restart, whatever else is plugged in. */
  readonly id: string;
}

const run = promisify(execFile);
const answerMs = 5_000;
const mebi = 1024 * 1024;
/** More than a record may tell of. */
const most = 64;
const query = "--query-gpu=uuid,name,memory.total,memory.free,utilization.gpu";
/** It becomes part of lists and of environments. */
const deviceId = /^GPU-[0-9A-Za-z-]{1,64}$/;

/**
 * NVIDIA's GPUs as nvidia-smi tells of them (https://docs.nvidia.com/deploy/nvidia-smi/); none where there is no such
 * program, or it fails; undefined when it does not answer in time.
 */
export async function readGpus(): Promise<readonly SeenGpu[] | undefined> {
  try {
    const { stdout } = await run("nvidia-smi", [query, "--format=csv,noheader,nounits"], { timeout: answerMs });
    return parseGpus(stdout);
  } catch (error) {
    // Not there, or without a driver: this machine has no GPU to lend.
    return (error as { killed?: unknown }).killed === true ? undefined : [];
  }
}

export function parseGpus(csv: string): readonly SeenGpu[] {
  const seen = csv.split("\n").flatMap(parseGpu);
  const ids = new Set<string>();
  return seen.filter(({ id }) => !ids.has(id) && ids.add(id)).slice(0, most);
}

function parseGpu(line: string): readonly SeenGpu[] {
  const [id = "", model = "", total, free, used] = line.split(",").map((cell) => cell.trim());
  const [memoryTotal = Number.NaN, memoryFree = 0, usedPercent = 0] = [total, free, used].map(Number);
  if (!deviceId.test(id) || model === "" || !Number.isFinite(memoryTotal)) return [];
  const sound = (value: number): number => (Number.isFinite(value) ? value : 0);
  return [
    {
      id,
      model: model.slice(0, 128),
      memoryTotal: memoryTotal * mebi,
      memoryFree: sound(memoryFree) * mebi,
      usedPercent: sound(usedPercent),
    },
  ];
}
