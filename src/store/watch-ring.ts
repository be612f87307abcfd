import type { Kind } from "../resources/types.ts";
import type { WatchEvent } from "./types.ts";

export interface RingEntry {
  readonly version: number;
  readonly kind: Kind;
  readonly event: WatchEvent;
}

/** The newest changes, so that a watch can go on where it was cut. */
export interface WatchRing {
  add(entry: RingEntry): void;
  /** What happened to `kind` after `version`; undefined when the ring no longer reaches back so far. */
  since(kind: Kind, version: number): readonly RingEntry[] | undefined;
}

export function createWatchRing(capacity: number, startVersion: number): WatchRing {
  const entries: RingEntry[] = [];
  // Changes up to and including this version are forgotten.
  let floor = startVersion;
  return {
    add: (entry) => {
      entries.push(entry);
      // Trimming in blocks keeps adding O(1) on average.
      if (entries.length < capacity * 2) return;
      const dropped = entries.splice(0, entries.length - capacity);
      floor = dropped.at(-1)?.version ?? floor;
    },
    since: (kind, version) => {
      const oldestKept = Math.max(0, entries.length - capacity);
      const reach = entries[oldestKept - 1]?.version ?? floor;
      if (version < reach) return undefined;
      return entries.slice(oldestKept).filter((entry) => entry.kind === kind && entry.version > version);
    },
  };
}
