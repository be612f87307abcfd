import { lstatSync, type BigIntStats } from "node:fs";

/** What tells one version of a file from another without reading it. */
export type FileStamp = string;

export function stampOf(stats: BigIntStats): FileStamp {
  return `${stats.size}.${stats.mtimeNs}.${stats.ino}.${stats.ctimeNs}.${stats.mode}`;
}

/** Undefined when nothing is there; never follows a link. */
export function lstatBig(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

export function stampAt(path: string): FileStamp | undefined {
  try {
    const stats = lstatBig(path);
    return stats === undefined ? undefined : stampOf(stats);
  } catch {
    // ENOTDIR, EACCES: whatever was there cannot be recognised now.
    return undefined;
  }
}
