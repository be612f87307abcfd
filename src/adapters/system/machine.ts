import { statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { MachineSize } from "../../scheduler/effective-limits.ts";

/** Size of this machine, and of the file system that `directory` lies on. */
export function machineSize(directory: string): MachineSize {
  const { blocks, bsize } = statfsSync(directory);
  return { cpus: availableParallelism(), memoryBytes: totalmem(), diskBytes: blocks * bsize };
}

/** Bytes that an ordinary user may still write there. */
export function freeDiskBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
