import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createInputStore } from "../../../src/adapters/inputs/input-store.ts";
import { packInputs, sendBlobs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { PackedInputs } from "../../../src/adapters/inputs/pack-inputs.ts";
import { bringOver, fileEntry, filesBelow, offerList, plenty, putFiles, record, signal, streamOf } from "./support.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-cuts-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pack = (): Promise<PackedInputs> =>
  packInputs(
    { projectPath: join(root, "project"), exclude: [], files: [] },
    { cachePath: join(root, "cache"), signal },
  );

describe("a stream that is cut", () => {
  test("is gone on with where it broke off, wherever that was", async () => {
    const big = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 7919) % 251));
    putFiles(join(root, "project"), { big, small: "small", "d/other": Buffer.alloc(90_000, 7) });
    const packed = await pack();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 6 }), async (cuts) => {
        const blobs = join(root, `executor-${round++}`);
        const store = createInputStore({ blobs });
        const pending = [...cuts];
        let content = 0;
        for (;;) {
          const wanted = await store.wanted(packed.root);
          if (wanted.complete) break;
          // Heads of records are not counted by onProgress: what it counts is never sent twice.
          const stream = cutAfter(sendBlobs(packed, wanted.blobs, signal), pending.shift() ?? Infinity);
          let progress = 0;
          const receiving = store.receive(packed.root, stream, {
            ...plenty,
            onProgress: (bytes) => (progress = bytes),
          });
          await receiving.catch((error: unknown) => expect(String(error)).toMatch(/break off|cable/));
          content += progress;
        }
        const listed = packed.root.chunks.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(content).toBe(packed.root.bytes + listed);
        const files = (await store.sources(packed.root)).filter(({ kind }) => kind === "file");
        for (const { path, from } of files)
          expect(readFileSync(from).equals(readFileSync(join(root, "project", path)))).toBe(true);
        expect(filesBelow(join(blobs, "partial"))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test("leaves what came to a store that is opened later", async () => {
    putFiles(join(root, "project"), { big: Buffer.alloc(3_000_000, 1) });
    const packed = await pack();
    const blobs = join(root, "executor");
    const store = createInputStore({ blobs });
    for (const most of [Infinity, 2_000_000]) {
      const wanted = await store.wanted(packed.root);
      if (wanted.complete) throw new Error("nothing is missing");
      const stream = cutAfter(sendBlobs(packed, wanted.blobs, signal), most);
      await store.receive(packed.root, stream, plenty).catch(() => undefined);
    }
    const later = createInputStore({ blobs });
    expect(await later.wanted(packed.root)).toMatchObject({ missingBytes: 3_000_000 - (2_000_000 - 48) });
    const { sent } = await bringOver(packed, later);
    expect(sent).toBe(48 + 3_000_000 - (2_000_000 - 48));
  });

  test("by its signal keeps what came, too", async () => {
    const { root: offered, blobs } = offerList([[fileEntry("a", "x".repeat(1_000))]]);
    const store = createInputStore({ blobs: join(root, "executor") });
    await store.receive(offered, streamOf(record(blobs[0] ?? "")), plenty);
    const controller = new AbortController();
    const bytes = record("x".repeat(1_000));
    const stream = (async function* () {
      yield bytes.subarray(0, 500);
      controller.abort();
      yield bytes.subarray(500);
    })();
    await expect(store.receive(offered, stream, { ...plenty, signal: controller.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(await store.wanted(offered)).toMatchObject({ blobs: [{ have: 500 - 48 }] });
  });
});

test("two streams that bring the same files at once both succeed", async () => {
  putFiles(join(root, "project"), { a: Buffer.alloc(600_000, 1), b: Buffer.alloc(200_000, 2), c: "c" });
  const packed = await pack();
  const store = createInputStore({ blobs: join(root, "executor") });
  await Promise.all([bringOver(packed, store), bringOver(packed, store)]);
  expect(await store.sources(packed.root)).toHaveLength(3);
  expect(filesBelow(join(root, "executor/partial"))).toEqual([]);
});

test("a partial file that a crash has spoilt is thrown away, and the file comes whole", async () => {
  putFiles(join(root, "project"), { a: "0123456789" });
  const packed = await pack();
  const blobs = join(root, "executor");
  const store = createInputStore({ blobs });
  const chunks = await store.wanted(packed.root);
  if (chunks.complete) throw new Error("nothing is missing");
  await store.receive(packed.root, sendBlobs(packed, chunks.blobs, signal), plenty);
  const [file] = await store.entries(packed.root);
  const partial = join(blobs, "partial", String(file?.sha256));
  writeFileSync(partial, "\0\0\0\0");
  await expect(bringOver(packed, store)).rejects.toMatchObject({ code: "InputsRejected" });
  writeFileSync(partial, "longer than the file is");
  await bringOver(packed, store);
  expect(statSync(join(blobs, String(file?.sha256).slice(0, 2), String(file?.sha256))).size).toBe(10);
});

/** The first `most` bytes, then the end of the stream (even) or an error (odd). */
async function* cutAfter(stream: AsyncIterable<Uint8Array>, most: number): AsyncIterable<Uint8Array> {
  let left = most;
  for await (const piece of stream) {
    if (piece.length >= left) {
      yield piece.subarray(0, left);
      if (most % 2 === 1) throw new Error("the cable was pulled");
      return;
    }
    left -= piece.length;
    yield piece;
  }
}
