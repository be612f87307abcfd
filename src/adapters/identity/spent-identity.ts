import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { atomicWriteSync, fsyncDirectorySync } from "../files/atomic-write.ts";
import { loadIdentity } from "./identity-file.ts";

/**
 * The keys in `path` have left a network: nobody there takes them again. They stay in use until the daemon starts anew, as
 * running Jobs are known by them.
 */
export function spendIdentity(path: string): void {
  atomicWriteSync(markerOf(path), "these keys have left a network; the next start of the daemon makes others\n", {
    mode: 0o600,
  });
}

export function isSpent(path: string): boolean {
  return existsSync(markerOf(path));
}

/** Puts spent keys aside, as identity-NODE.json, so that others are made. Answers the node id that is over. */
export function retireIdentity(path: string): string | undefined {
  if (!isSpent(path)) return undefined;
  const node = existsSync(path) ? loadIdentity(path).nodeId : undefined;
  if (node !== undefined) renameSync(path, retiredPath(path, node));
  rmSync(markerOf(path));
  fsyncDirectorySync(dirname(path));
  return node;
}

/** These were keys of this machine before it left with them. */
export function isRetired(path: string, node: string): boolean {
  return existsSync(retiredPath(path, node));
}

function retiredPath(path: string, node: string): string {
  return join(dirname(path), `identity-${node}.json`);
}

function markerOf(path: string): string {
  return join(dirname(path), "identity.spent");
}
