import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process that cannot be confused with a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: when the process started, as the operating system tells it. */
  readonly startToken: string;
  /** Start times count from boot on Linux, so they only compare within one. */
  readonly bootId: string;
}

/** Undefined when there is no such process or it is only waiting to be reaped. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startToken = process.platform === "linux" ? startTokenFromProc(pid) : startTokenFromPs(pid);
  return startToken === undefined ? undefined : { pid, startToken, bootId: readBootId() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== undefined && now.startToken === identity.startToken && now.bootId === identity.bootId;
}

/** Signals a process group that `leader` founded, if the leader or what it left behind is still there. */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    // macOS answers EPERM for a group of which only zombies are left.
    if ((error as NodeJS.ErrnoException).code === "EPERM") return false;
    throw error;
  }
}

/** Field 22 of proc_pid_stat(5), counted after the command name, which may hold anything. */
function startTokenFromProc(pid: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function startTokenFromPs(pid: number): string | undefined {
  try {
    const text = execFileSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [flags = "", ...started] = text.trim().split(/\s+/);
    return flags === "" || flags.startsWith("Z") ? undefined : started.join(" ");
  } catch {
    return undefined;
  }
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}
