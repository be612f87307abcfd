import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A control group of the kernel that holds processes to so much memory. Needs root. */
export interface MemoryCap {
  /** Write a process id here to put it in. */
  readonly procs: string;
  /** How many processes in it the kernel has killed for memory. */
  kills(): number;
  /** Every process in it has to have ended. */
  close(): void;
}

const root = "/sys/fs/cgroup";

export function openMemoryCap(bytes: number): MemoryCap {
  const isUnified = existsSync(join(root, "cgroup.controllers"));
  const directory = join(isUnified ? root : join(root, "memory"), `homie-test-${process.pid}`);
  mkdirSync(directory);
  writeFileSync(join(directory, isUnified ? "memory.max" : "memory.limit_in_bytes"), String(bytes));
  const events = join(directory, isUnified ? "memory.events" : "memory.oom_control");
  return {
    procs: join(directory, "cgroup.procs"),
    kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(events, "utf8"))?.[1]),
    close: () => rmdirSync(directory),
  };
}
