import { readFileSync, rmSync } from "node:fs";
import { atomicWriteSync } from "../files/atomic-write.ts";
import { identifyProcess, type ProcessIdentity } from "../process/process-identity.ts";

/** Which interface is ours, so that a daemon started anew goes on with it and never touches somebody else's. */
export interface InterfaceRecord {
  /** The kernel gives no number twice between two boots. */
  readonly ifindex: number;
  readonly bootId: string;
  /** wireguard-go, where we started one. */
  readonly process?: ProcessIdentity;
}

export function writeRecord(path: string, ifindex: number, process: ProcessIdentity | undefined): void {
  const record: InterfaceRecord = { ifindex, bootId: currentBoot(), ...(process === undefined ? {} : { process }) };
  atomicWriteSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Undefined also for one that is damaged or of an earlier boot: it speaks of nothing that is there now. */
export function readRecord(path: string): InterfaceRecord | undefined {
  let value: Partial<InterfaceRecord>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Partial<InterfaceRecord>;
  } catch {
    return undefined;
  }
  if (typeof value.ifindex !== "number" || value.bootId !== currentBoot()) return undefined;
  const { pid, startToken, bootId } = value.process ?? {};
  if (value.process !== undefined && !(Number.isInteger(pid) && Number(pid) > 1)) return undefined;
  if (value.process !== undefined && !(typeof startToken === "string" && typeof bootId === "string")) return undefined;
  return value as InterfaceRecord;
}

export function removeRecord(path: string): void {
  rmSync(path, { force: true });
}

function currentBoot(): string {
  return identifyProcess(process.pid)?.bootId ?? "";
}
