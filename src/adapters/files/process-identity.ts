import { readFileSync } from "node:fs";

/** Who a process is, so that another one that later got the same number is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process; known on Linux. */
  readonly startTicks?: string;
  readonly bootId?: string;
}

export function identifyProcess(pid: number): ProcessIdentity {
  const startTicks = readStartTicks(pid);
  const bootId = readText("/proc/sys/kernel/random/boot_id")?.trim();
  return { pid, ...(startTicks === undefined ? {} : { startTicks }), ...(bootId === undefined ? {} : { bootId }) };
}

/** First line the number alone, as other tools expect of a pid file. */
export function renderIdentity(identity: ProcessIdentity): string {
  return `${identity.pid}\n${identity.startTicks ?? ""}\n${identity.bootId ?? ""}\n`;
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [pid = "", startTicks = "", bootId = ""] = text.split("\n");
  if (!/^[1-9]\d{0,9}$/.test(pid.trim())) return undefined;
  return { pid: Number(pid), ...(startTicks === "" ? {} : { startTicks }), ...(bootId === "" ? {} : { bootId }) };
}

/** True when that very process still lives. Where there is no /proc only the kernel's lock can tell, so false. */
export function sameProcess(identity: ProcessIdentity): boolean {
  if (identity.startTicks === undefined || identity.bootId === undefined) return false;
  const present = identifyProcess(identity.pid);
  return present.startTicks === identity.startTicks && present.bootId === identity.bootId;
}

/**
 * Field 22 of /proc/PID/stat (proc_pid_stat(5)); counted after the last ")", as the name before it may hold anything.
 * Undefined for a process that has ended and is only waiting to be reaped: in a container without an init it waits for ever.
 */
function readStartTicks(pid: number): string | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" || fields?.[0] === "X" ? undefined : fields?.[19];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not Linux, or the process is gone.
    return undefined;
  }
}
