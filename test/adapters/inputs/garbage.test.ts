import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { translateDiskError } from "../../../src/adapters/inputs/disk-error.ts";
import { createInputStore } from "../../../src/adapters/inputs/input-store.ts";
import type { InputStore } from "../../../src/adapters/inputs/input-store.ts";
import { fileEntry, filesBelow, offerList, plenty, record, sha256, streamOf } from "./support.ts";
import type { OfferedList } from "./support.ts";

let root: string;
let blobs: string;
let store: InputStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-garbage-"));
  blobs = join(root, "blobs");
  store = createInputStore({ blobs });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function hold(name: string, content: string): Promise<OfferedList> {
  const offered = offerList([[fileEntry(name, content)]]);
  await store.receive(offered.root, streamOf(record(offered.blobs[0] ?? "")), plenty);
  await store.receive(offered.root, streamOf(record(content)), plenty);
  return offered;
}

const placeOf = (hash: string): string => join(blobs, hash.slice(0, 2), hash);

function leaveAlone(hours: number, ...hashes: readonly string[]): void {
  const then = Date.now() / 1000 - hours * 3_600;
  for (const hash of hashes) utimesSync(placeOf(hash), then, Math.floor(then));
}

const hashesOf = ({ root: { chunks } }: OfferedList, content: string): readonly string[] => [
  sha256(content),
  ...chunks.map((chunk) => chunk.sha256),
];

describe("collecting garbage", () => {
  test("removes what was not used for longest, and only until there is room", async () => {
    const oldest = await hold("a", "o".repeat(1_000));
    const older = await hold("b", "p".repeat(1_000));
    leaveAlone(3, ...hashesOf(oldest, "o".repeat(1_000)));
    leaveAlone(2, ...hashesOf(older, "p".repeat(1_000)));
    await store.collectGarbage({ keep: [], maxBytes: 10_000 });
    expect(filesBelow(blobs)).toHaveLength(4);
    await store.collectGarbage({ keep: [], maxBytes: 1_500 });
    expect(await store.wanted(older.root)).toEqual({ complete: true });
    expect(await store.wanted(oldest.root)).toMatchObject({ complete: false });
  });

  test("leaves what is to be kept, however old, and what was just used", async () => {
    const kept = await hold("a", "kept");
    const used = await hold("b", "used");
    leaveAlone(500, ...hashesOf(kept, "kept"), ...hashesOf(used, "used"));
    await store.wanted(used.root);
    await store.collectGarbage({ keep: [kept.root], maxBytes: 0 });
    expect(await store.wanted(kept.root)).toEqual({ complete: true });
    expect(await store.wanted(used.root)).toEqual({ complete: true });
    leaveAlone(500, ...hashesOf(kept, "kept"), ...hashesOf(used, "used"));
    await store.collectGarbage({ keep: [], maxBytes: 0 });
    expect(filesBelow(blobs)).toEqual([]);
  });

  test("does not stumble over a root that is refused or not here", async () => {
    const used = await hold("b", "used");
    leaveAlone(500, ...hashesOf(used, "used"));
    const absent = offerList([[fileEntry("x", "y")]]).root;
    await store.collectGarbage({ keep: [absent, { ...used.root, entries: 7 }, used.root], maxBytes: 0 });
    expect(await store.wanted(used.root)).toEqual({ complete: true });
  });

  test("removes beginnings and unread lists of yesterday, and leaves today's", async () => {
    const lists = ["old", "new"].map((name) => offerList([[fileEntry(name, name)], [fileEntry(`${name}2`, name)]]));
    for (const { root: offered, blobs: chunks } of lists)
      await store.receive(offered, streamOf(record(chunks[0] ?? "")), plenty);
    for (const name of ["old", "new"]) writeFileSync(join(blobs, "partial", sha256(name)), "beginning");
    const [oldList] = lists;
    await expect(store.wanted(oldList?.root ?? { entries: 0, bytes: 0, chunks: [] })).resolves.toHaveProperty(
      "blobs.length",
      1,
    );
    const yesterday = Date.now() / 1000 - 90_000;
    const listOf = filesBelow(join(blobs, "lists")).find((path) => path.endsWith(sha256(oldList?.blobs[0] ?? "")));
    utimesSync(join(blobs, "lists", String(listOf).slice(0, 64)), yesterday, yesterday);
    utimesSync(join(blobs, "partial", sha256("old")), yesterday, yesterday);
    await store.collectGarbage({ keep: [], maxBytes: 1e9 });
    expect(filesBelow(join(blobs, "partial"))).toEqual([sha256("new")]);
    expect(filesBelow(join(blobs, "lists"))).toHaveLength(1);
  });

  test("touches nothing that is not the store's, and needs no store", async () => {
    await store.collectGarbage({ keep: [], maxBytes: 0 });
    mkdirSync(join(blobs, "ab"), { recursive: true });
    writeFileSync(join(blobs, "ab", "notes.txt"), "mine");
    await store.collectGarbage({ keep: [], maxBytes: 0 });
    expect(filesBelow(blobs)).toEqual(["ab/notes.txt"]);
  });
});

test("being used does not change the modification time that readers compare", async () => {
  const offered = await hold("a", "alpha");
  leaveAlone(5, sha256("alpha"));
  const before = statSync(placeOf(sha256("alpha")));
  await store.wanted(offered.root);
  const after = statSync(placeOf(sha256("alpha")));
  expect(after.mtimeMs).toBe(before.mtimeMs);
  expect(after.atimeMs).toBeGreaterThan(before.atimeMs + 4 * 3_600_000);
});

describe("a disk that refuses", () => {
  test.each([
    ["ENOSPC", "no space is left", "free some disk space"],
    ["EDQUOT", "no space is left", "free some disk space"],
    ["EROFS", "read-only", "check the disk and the rights on the directory"],
  ])("with %s is StateUnusable, and says what to do", (code, words, hint) => {
    const error = Object.assign(new Error("write: read-only file system"), { code });
    expect(translateDiskError(error, "blobs")).toMatchObject({
      code: "StateUnusable",
      message: expect.stringContaining(words),
      hint,
    });
  });

  test("in any other way is a fault of homie, and stays what it is", () => {
    const error = Object.assign(new Error("bad descriptor"), { code: "EBADF" });
    expect(translateDiskError(error, "blobs")).toBe(error);
  });
});
