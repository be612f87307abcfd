import type { BigIntStats } from "node:fs";
import type { FileStamp } from "./file-stamp.ts";

/** A file is taken when it has not changed for this long: a slow writer is never caught half-way. */
export const settleMs = 250;

export interface SettlingOptions {
  readonly now: () => Date;
  readonly monotonicMs: () => number;
}

/** Which versions of files are whole. */
export interface Settling {
  isSettled(path: string, stamp: FileStamp, stats: BigIntStats): boolean;
  /** homie has renamed it into place. `walk`: the last one that has begun. */
  trust(path: string, stamp: FileStamp, walk: number): void;
  /** Without a stamp: some version of it. */
  isTrusted(path: string, stamp?: FileStamp): boolean;
  forgetAllBut(paths: ReadonlySet<string>, walk: number): void;
}

export function createSettling(options: SettlingOptions): Settling {
  const trusted = new Map<string, { readonly stamp: FileStamp; readonly walk: number }>();
  const firstSeen = new Map<string, { readonly stamp: FileStamp; readonly atMs: number }>();

  function isTrusted(path: string, stamp?: FileStamp): boolean {
    const trust = trusted.get(path);
    return trust !== undefined && (stamp === undefined || trust.stamp === stamp);
  }

  function isQuiet(path: string, stamp: FileStamp, { mtimeNs }: BigIntStats): boolean {
    if (options.now().getTime() - Number(mtimeNs / 1_000_000n) >= settleMs) return true;
    // A time of change in the future (another machine's clock, `touch -d`) says nothing: watch it for a moment.
    const seen = firstSeen.get(path);
    if (seen?.stamp === stamp) return options.monotonicMs() - seen.atMs >= settleMs;
    firstSeen.set(path, { stamp, atMs: options.monotonicMs() });
    return false;
  }

  return {
    isSettled: (path, stamp, stats) => {
      // What is no file is refused, whenever it was made.
      const isSettled = !stats.isFile() || isTrusted(path, stamp) || isQuiet(path, stamp, stats);
      if (isSettled) firstSeen.delete(path);
      return isSettled;
    },
    trust: (path, stamp, walk) => void trusted.set(path, { stamp, walk }),
    isTrusted,
    // A walk that began before a file was put there does not list it, and says nothing about its being trusted.
    forgetAllBut: (paths, walk) => {
      for (const [path, trust] of trusted) if (!paths.has(path) && trust.walk < walk) trusted.delete(path);
      for (const path of firstSeen.keys()) if (!paths.has(path)) firstSeen.delete(path);
    },
  };
}
