import { createHash } from "node:crypto";
import type { InputEntry } from "../../resources/attempt.ts";

/** So that one changed file of ten thousand costs a chunk of at most 30 KiB and a root of some 15 KiB. */
const mostEntries = 128;

/**
 * Cuts a sorted list into chunks of at most 128 entries: whatever is longer is cut after the entry whose path has the
 * lowest hash, again and again. Only paths decide, so a changed file changes one chunk; and since what lies on one side
 * of a cut never matters on the other, an added path changes two at most. A limit on a count from the left, as in usual
 * content-defined chunking, would shift every cut behind it.
 */
export function chunkEntries(entries: readonly InputEntry[]): readonly (readonly InputEntry[])[] {
  const ranks = entries.map(({ path }) => createHash("sha256").update(path).digest().readUIntBE(0, 6));
  const chunks: (readonly InputEntry[])[] = [];
  const pending = [{ from: 0, to: entries.length }];
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    const { from, to } = range;
    if (to - from > mostEntries) {
      const cut = indexOfLowest(ranks, from, to - 1) + 1;
      pending.push({ from: cut, to }, { from, to: cut });
    } else if (to > from) chunks.push(entries.slice(from, to));
  }
  return chunks;
}

function indexOfLowest(ranks: readonly number[], from: number, to: number): number {
  let lowest = from;
  for (let index = from + 1; index < to; index++) {
    if ((ranks[index] ?? Infinity) < (ranks[lowest] ?? Infinity)) lowest = index;
  }
  return lowest;
}
