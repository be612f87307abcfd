import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createInputStore } from "../../../src/adapters/inputs/input-store.ts";
import type { InputStore } from "../../../src/adapters/inputs/input-store.ts";
import type { InputEntry, InputRoot } from "../../../src/resources/attempt.ts";
import { directoryEntry, fileEntry, filesBelow, offerList, plenty, record, sha256, streamOf } from "./support.ts";
import type { OfferedList } from "./support.ts";

let root: string;
let blobs: string;
let store: InputStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-hostile-"));
  blobs = join(root, "blobs");
  store = createInputStore({ blobs });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refused = { code: "InputsRejected" };
const chunk = { sha256: "ab".repeat(32), bytes: 10 };
const sound: InputRoot = { entries: 1, bytes: 1, chunks: [chunk] };

test.each<[string, unknown]>([
  ["no object", null],
  ["a list", []],
  ["more entries than may be", { ...sound, entries: 100_001 }],
  ["half an entry", { ...sound, entries: 1.5 }],
  ["negative bytes", { ...sound, bytes: -1 }],
  ["bytes beyond counting", { ...sound, bytes: 2 ** 60 }],
  ["bytes as text", { ...sound, bytes: "1" }],
  ["no chunks for its entries", { ...sound, chunks: [] }],
  ["chunks for no entries", { ...sound, entries: 0 }],
  ["more chunks than entries", { ...sound, chunks: [chunk, { ...chunk, sha256: "cd".repeat(32) }] }],
  ["one chunk twice", { ...sound, entries: 2, chunks: [chunk, chunk] }],
  ["a hash that leads out of the store", { ...sound, chunks: [{ ...chunk, sha256: `../../${"a".repeat(58)}` }] }],
  ["a hash in capitals", { ...sound, chunks: [{ ...chunk, sha256: "AB".repeat(32) }] }],
  ["an empty chunk", { ...sound, chunks: [{ ...chunk, bytes: 0 }] }],
  ["a giant chunk", { ...sound, chunks: [{ ...chunk, bytes: 2 ** 21 }] }],
])("a root with %s is refused", async (_, value) => {
  await expect(store.wanted(value as InputRoot)).rejects.toMatchObject(refused);
  await expect(store.receive(value as InputRoot, streamOf(), plenty)).rejects.toMatchObject(refused);
  await expect(store.sources(value as InputRoot)).rejects.toMatchObject(refused);
  expect(filesBelow(blobs)).toEqual([]);
});

const a = fileEntry("a", "alpha");
const odd = (fields: object): InputEntry => ({ ...a, ...fields });
const lists: readonly [string, OfferedList][] = [
  ["that is no JSON", offerList(["["], { entries: 1 })],
  ["that is no UTF-8", offerList([Buffer.from([0x5b, 0xff, 0x5d])], { entries: 1 })],
  ["that is no list", offerList(['{"a":1}'], { entries: 1 })],
  ["nested beyond any stack", offerList(["[".repeat(500_000) + "]".repeat(500_000)], { entries: 1 })],
  ["with spaces", offerList([JSON.stringify([a], null, 1)], { entries: 1, bytes: 5 })],
  ["with an empty chunk", offerList([[a], []], { entries: 2 })],
  ["with another field", offerList([[odd({ mode: 0o4755 })]])],
  ["with a key of every object", offerList([`[{"__proto__":{"path":"a"}}]`], { entries: 1 })],
  ["with entries that are no objects", offerList(["[1]"], { entries: 1 })],
  ["with a kind of its own", offerList([[odd({ kind: "symlink" })]])],
  ["with a name that climbs out", offerList([[odd({ path: "../a" })]])],
  ["with an absolute name", offerList([[odd({ path: "/a" })]])],
  ["with a name for terminals", offerList([[odd({ path: "a\u001b[2J" })]])],
  ["with a device of Windows", offerList([[odd({ path: "nul.txt" })]])],
  ["with half a character", offerList([[odd({ path: "\ud800" })]])],
  ["with a name of 2,000 bytes", offerList([[odd({ path: "a".repeat(2_000) })]])],
  ["with negative bytes", offerList([[odd({ bytes: -5 })]], { bytes: 5 })],
  ["with bytes beyond counting", offerList([[odd({ bytes: 2 ** 60 })]], { bytes: 5 })],
  ["with half a byte", offerList([[odd({ bytes: 4.5 })]], { bytes: 5 })],
  ["with a time before all", offerList([[odd({ mtimeMs: -1 })]])],
  ["with a time after all", offerList([[odd({ mtimeMs: 1e300 })]])],
  ["with a file without hash", offerList([[odd({ sha256: undefined })]])],
  ["with a hash that leads away", offerList([[odd({ sha256: "../x" })]])],
  ["with a directory that has bytes", offerList([[{ ...directoryEntry("d"), bytes: 1 }]])],
  ["with a directory that has a hash", offerList([[{ ...directoryEntry("d"), sha256: sha256("") }]])],
  ["out of order", offerList([[fileEntry("b", "b"), fileEntry("a", "a")]])],
  ["out of order between chunks", offerList([[fileEntry("b", "b")], [fileEntry("a", "a")]])],
  ["with one path twice", offerList([[a, a]])],
  ["with names that are one elsewhere", offerList([[fileEntry("A", "1"), fileEntry("a", "2")]])],
  ["with a child before its parent", offerList([[fileEntry("d/x", "1")]])],
  ["with a child of a file", offerList([[fileEntry("d", "1"), fileEntry("d/x", "2")]])],
  ["with fewer entries than it says", offerList([[a]], { entries: 2 })],
  ["with more entries than it says", offerList([[a, fileEntry("b", "b")]], { entries: 1 })],
  ["with fewer bytes than it says", offerList([[a]], { bytes: 6 })],
  ["with more bytes than it says", offerList([[a]], { bytes: 4 })],
  ["with one content of two sizes", offerList([[a, odd({ path: "b", bytes: 6 })]])],
];

describe("a list", () => {
  test.each(lists)("%s is refused, and nothing of it is left", async (_, offered) => {
    const stream = streamOf(...offered.blobs.map((blob) => record(blob)));
    await expect(store.receive(offered.root, stream, plenty)).rejects.toMatchObject(refused);
    expect(filesBelow(blobs)).toEqual([]);
    await expect(store.entries(offered.root)).rejects.toMatchObject({ code: "NotFound" });
  });

  test("that is refused takes nothing with it that others use", async () => {
    const good = offerList([[a]]);
    await store.receive(good.root, streamOf(record(good.blobs[0] ?? "")), plenty);
    const bad = offerList([[a], [fileEntry("A", "x")]]);
    await expect(store.receive(bad.root, streamOf(record(bad.blobs[1] ?? "")), plenty)).rejects.toMatchObject(refused);
    expect(await store.entries(good.root)).toEqual([a]);
  });

  test("that lies about the size of what is here is refused", async () => {
    const good = offerList([[a]]);
    await store.receive(good.root, streamOf(record(good.blobs[0] ?? "")), plenty);
    await store.receive(good.root, streamOf(record("alpha")), plenty);
    const before = filesBelow(blobs);
    const bad = offerList([[odd({ bytes: 4 })]]);
    await expect(store.receive(bad.root, streamOf(record(bad.blobs[0] ?? "")), plenty)).rejects.toMatchObject(refused);
    expect(filesBelow(blobs)).toEqual(before);
  });

  test("may hold a file named like a key of every object", async () => {
    const { root: offered, blobs: chunks } = offerList([[fileEntry("__proto__", "p"), fileEntry("constructor", "c")]]);
    await store.receive(offered, streamOf(record(chunks[0] ?? "")), plenty);
    expect(await store.entries(offered)).toHaveLength(2);
  });
});

const strange = "ee".repeat(32);
const alpha = sha256("alpha");
const streams: readonly [string, Buffer, object?][] = [
  ["a blob nobody wants", record("stranger")],
  ["the chunk that is here already", record(offerList([[a]]).blobs[0] ?? "")],
  ["an offset that is not reached yet", record("pha", { sha256: alpha, offset: 2 })],
  ["an offset beyond counting", record("", { sha256: alpha, offset: 2 ** 62, length: 0 })],
  ["more than the blob has", record("alphabet", { sha256: alpha })],
  ["a length beyond counting", record("alpha", { sha256: alpha, length: 2 ** 63 })],
  ["nothing of a blob", record("", { sha256: alpha })],
  ["other bytes under its hash", record("omega", { sha256: alpha })],
  ["one blob twice", Buffer.concat([record("alpha"), record("alpha")])],
  ["noise", Buffer.from(strange.repeat(4), "hex")],
  ["more than the job may bring", record("alpha"), { maxBytes: 4 }],
];

describe("a stream", () => {
  test.each(streams)("with %s is refused, and nothing of it is left", async (title, bytes, options = {}) => {
    const offered = offerList([[a]]);
    await store.receive(offered.root, streamOf(record(offered.blobs[0] ?? "")), plenty);
    const before = filesBelow(blobs);
    const receiving = store.receive(offered.root, streamOf(bytes), { ...plenty, ...options });
    await expect(receiving).rejects.toMatchObject(refused);
    const sent = title === "one blob twice" ? [`${alpha.slice(0, 2)}/${alpha}`] : [];
    expect(filesBelow(blobs)).toEqual([...before, ...sent].toSorted());
  });

  test("may bring a blob in parts, byte by byte", async () => {
    const offered = offerList([[a]]);
    await store.receive(offered.root, streamOf(record(offered.blobs[0] ?? "")), plenty);
    const parts = Buffer.concat([record("al", { sha256: alpha }), record("pha", { sha256: alpha, offset: 2 })]);
    await store.receive(offered.root, streamOf(...Array.from(parts, (byte) => Buffer.of(byte))), plenty);
    expect(await store.wanted(offered.root)).toEqual({ complete: true });
  });

  test("may not bring files before the list has been looked at", async () => {
    const offered = offerList([[a]]);
    const both = streamOf(record(offered.blobs[0] ?? ""), record("alpha"));
    await expect(store.receive(offered.root, both, plenty)).rejects.toMatchObject(refused);
  });
});
