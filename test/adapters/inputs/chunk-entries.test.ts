import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkEntries } from "../../../src/adapters/inputs/chunk-entries.ts";
import type { InputEntry } from "../../../src/resources/attempt.ts";
import { fileEntry } from "./support.ts";

const list = (count: number, seed: number): readonly InputEntry[] =>
  Array.from({ length: count }, (_, index) => fileEntry(`file-${seed}-${String(index).padStart(6, "0")}`, "x"));
const lists = fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer()).map(([count, seed]) => list(count, seed));
const chunksOf = (entries: readonly InputEntry[]) => chunkEntries(entries).map((chunk) => JSON.stringify(chunk));

/** How many chunks have to be sent to somebody who has those of `before`. */
function fresh(before: readonly InputEntry[], after: readonly InputEntry[]): number {
  const known = new Set(chunksOf(before));
  return chunksOf(after).filter((chunk) => !known.has(chunk)).length;
}

describe("chunks of a list", () => {
  test("are the list, in order, at most 128 entries each and some 64 on average", () => {
    fc.assert(
      fc.property(lists, (entries) => {
        const chunks = chunkEntries(entries);
        expect(chunks.flat()).toEqual(entries);
        expect(chunks.every(({ length }) => length > 0 && length <= 128)).toBe(true);
        expect(chunks.length).toBeLessThan(3 + entries.length / 32);
      }),
      { numRuns: 40 },
    );
  });

  test("are the same whenever the list is the same", () => {
    fc.assert(
      fc.property(lists, (entries) => {
        expect(chunksOf(structuredClone(entries))).toEqual(chunksOf(entries));
      }),
      { numRuns: 40 },
    );
  });

  test("differ in one when a file changes, and in at most two when one is added", () => {
    fc.assert(
      fc.property(lists, fc.nat(), (entries, where) => {
        if (entries.length === 0) return;
        const index = where % entries.length;
        const { path } = entries[index] ?? fileEntry("", "");
        expect(fresh(entries, entries.with(index, fileEntry(path, "changed")))).toBe(1);
        const added = entries.toSpliced(index + 1, 0, fileEntry(`${path}-added`, "x"));
        expect(fresh(entries, added)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  test("hold at most 256 entries of what has to be sent again when a file goes away", () => {
    fc.assert(
      fc.property(lists, fc.nat(), (entries, where) => {
        if (entries.length === 0) return;
        const known = new Set(chunksOf(entries));
        const rest = chunkEntries(entries.toSpliced(where % entries.length, 1));
        const again = rest.filter((chunk) => !known.has(JSON.stringify(chunk)));
        expect(again.flat().length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 60 },
    );
  });
});
