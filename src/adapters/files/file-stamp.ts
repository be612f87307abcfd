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

/** The stamp of what is at `path` now, if that is the file of these stats, which has been renamed and not changed otherwise. */
export function stampOfRenamed(path: string, { dev, ino, size, mtimeNs }: BigIntStats): FileStamp | undefined {
  const now = lstatBig(path);
  const isSame = now?.dev === dev && now.ino === ino && now.size === size && now.mtimeNs === mtimeNs;
  return isSame ? stampOf(now) : undefined;
}
