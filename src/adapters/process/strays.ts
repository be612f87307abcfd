import { readdirSync, readFileSync } from "node:fs";

/**
 * Kills what a program left running outside its process group (setsid, double fork). Such processes are known by the
 * TMPDIR that only this attempt was given; Linux only, because nothing else shows environments in /proc.
 */
export function killStrays(temporaryDirectory: string): number {
  const marker = `\u0000TMPDIR=${temporaryDirectory}\u0000`;
  let killed = 0;
  // A stray can fork while it is looked for; each round finds fewer.
  for (let round = 0; round < 10; round++) {
    const strays = listPids().filter((pid) => pid !== process.pid && environmentOf(pid).includes(marker));
    if (strays.length === 0) return killed;
    for (const pid of strays) killed += kill(pid);
  }
  return killed;
}

function listPids(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Empty for processes that are gone, zombies, or another user's. */
function environmentOf(pid: number): string {
  try {
    return `\u0000${readFileSync(`/proc/${pid}/environ`, "utf8")}\u0000`;
  } catch {
    return "";
  }
}

function kill(pid: number): number {
  try {
    process.kill(pid, "SIGKILL");
    return 1;
  } catch {
    // It went away by itself between the look and the kill.
    return 0;
  }
}
