import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openHashCache } from "../../../src/adapters/inputs/hash-cache.ts";
import { packInputs, sendBlobs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { PackedInputs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { InputEntry } from "../../../src/resources/attempt.ts";
import { putFiles, sha256, signal } from "./support.ts";

let root: string;
let project: string;
let cachePath: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-pack-"));
  project = join(root, "project");
  cachePath = join(root, "state", "hash-cache.db");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** By default long after the files were written. */
const pack = (now: () => number = () => Date.now() + 60_000): Promise<PackedInputs> =>
  packInputs({ projectPath: project, exclude: [], files: [] }, { cachePath, signal, now });

async function entriesOf(packed: PackedInputs): Promise<readonly InputEntry[]> {
  const chunks = await Promise.all(packed.root.chunks.map(({ sha256: chunk }) => readBlob(packed, chunk)));
  return chunks.flatMap((chunk) => JSON.parse(chunk.toString()) as readonly InputEntry[]);
}

async function readBlob(packed: PackedInputs, blob: string, offset = 0): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(packed.readBlob(blob, offset)));
}

/** Makes the cache claim that the file has another hash than it has. */
async function plantHash(path: string, hash: string): Promise<void> {
  const facts = statSync(path, { bigint: true });
  const cache = openHashCache(cachePath, Date.now());
  cache.remember(path, `${facts.size}:${facts.mtimeNs}:${facts.ino}:${facts.ctimeNs}`, hash);
  cache.close();
}

describe("the cache of hashes", () => {
  test("is believed of a file that was left alone", async () => {
    putFiles(project, { a: "alpha" });
    await pack();
    await plantHash(join(project, "a"), "ab".repeat(32));
    expect(await entriesOf(await pack())).toMatchObject([{ path: "a", sha256: "ab".repeat(32) }]);
    expect(statSync(cachePath).mode & 0o777).toBe(0o600);
  });

  test("notices an edit that keeps the size", async () => {
    putFiles(project, { a: "alpha" });
    await pack();
    writeFileSync(join(project, "a"), "omega");
    expect(await entriesOf(await pack())).toMatchObject([{ sha256: sha256("omega") }]);
  });

  test("notices an edit that keeps the size and sets the time back", async () => {
    putFiles(project, { a: "alpha" });
    utimesSync(join(project, "a"), 1_000_000, 1_000_000);
    await pack();
    writeFileSync(join(project, "a"), "omega");
    utimesSync(join(project, "a"), 1_000_000, 1_000_000);
    expect(await entriesOf(await pack())).toMatchObject([{ sha256: sha256("omega") }]);
  });

  test("knows nothing of a file that was written less than two seconds before it was read", async () => {
    putFiles(project, { a: "alpha" });
    const path = join(project, "a");
    const known = (facts = statSync(path, { bigint: true })): string | undefined => {
      const cache = openHashCache(cachePath, Date.now());
      const found = cache.find(path, `${facts.size}:${facts.mtimeNs}:${facts.ino}:${facts.ctimeNs}`);
      cache.close();
      return found;
    };
    const { ctimeMs } = statSync(path);
    await pack(() => ctimeMs + 1_900);
    expect(known()).toBeUndefined();
    await pack(() => ctimeMs - 100_000);
    expect(known()).toBeUndefined();
    await pack(() => ctimeMs + 2_100);
    expect(known()).toBe(sha256("alpha"));
  });

  test("is begun anew when its file is no database", async () => {
    putFiles(project, { a: "alpha" });
    putFiles(root, { "state/hash-cache.db": "SQLite format 3 it is not".repeat(100) });
    expect(await entriesOf(await pack())).toMatchObject([{ sha256: sha256("alpha") }]);
    expect(readFileSync(cachePath).subarray(0, 15).toString()).toBe("SQLite format 3");
  });

  test("forgets what nobody asked for in a month", () => {
    const day = 86_400_000;
    const at = (days: number, use: (cache: ReturnType<typeof openHashCache>) => unknown): unknown => {
      const cache = openHashCache(cachePath, days * day);
      const answer = use(cache);
      cache.close();
      return answer;
    };
    at(100, (cache) => ["used", "left"].map((path) => cache.remember(path, "stamp", "ab".repeat(32))));
    expect(at(120, (cache) => cache.find("used", "stamp"))).toBe("ab".repeat(32));
    at(140, (cache) => cache.remember("new", "stamp", "cd".repeat(32)));
    expect(at(140, (cache) => ["used", "left"].map((path) => cache.find(path, "stamp")))).toEqual([
      "ab".repeat(32),
      undefined,
    ]);
  });

  test("that is wrong about a file is found out when the file is sent, and mends itself", async () => {
    putFiles(project, { a: "alpha" });
    await plantHash(join(project, "a"), "ab".repeat(32));
    const packed = await pack();
    await expect(readBlob(packed, "ab".repeat(32))).rejects.toMatchObject({ code: "SourceUnreadable" });
    expect(await entriesOf(await pack())).toMatchObject([{ sha256: sha256("alpha") }]);
  });
});

describe("packing", () => {
  test("gives the same root for the same files, and whole times that no clock precedes", async () => {
    putFiles(project, { a: "alpha", "d/b": "beta" });
    utimesSync(join(project, "a"), -5, -5);
    const packed = await pack();
    expect((await pack()).root).toEqual(packed.root);
    const entries = await entriesOf(packed);
    expect(entries.map(({ path }) => path)).toEqual(["a", "d", "d/b"]);
    expect(entries.every(({ mtimeMs }) => Number.isSafeInteger(mtimeMs) && mtimeMs >= 0)).toBe(true);
  });

  test("stops when it is aborted, and says which file cannot be read", async () => {
    putFiles(project, { a: "alpha" });
    const aborted = AbortSignal.abort();
    const sources = { projectPath: project, exclude: [], files: [] };
    await expect(packInputs(sources, { cachePath, signal: aborted })).rejects.toMatchObject({ name: "AbortError" });
    await expect(
      packInputs({ exclude: [], files: [{ from: join(root, "gone"), to: "x" }] }, { cachePath, signal }),
    ).rejects.toMatchObject({ code: "SourceUnreadable", message: expect.stringContaining("gone") });
  });
});

describe("reading a blob", () => {
  test("goes on from an offset", async () => {
    putFiles(project, { a: "0123456789" });
    const packed = await pack();
    expect((await readBlob(packed, sha256("0123456789"), 7)).toString()).toBe("789");
    const [chunk] = packed.root.chunks;
    expect((await readBlob(packed, String(chunk?.sha256), 1)).length).toBe((chunk?.bytes ?? 0) - 1);
  });

  test.each<[string, (path: string) => void]>([
    ["grew", (path) => writeFileSync(path, "0123456789+")],
    ["is another one of the same size", (path) => writeFileSync(path, "9876543210")],
    ["is gone", (path) => rmSync(path)],
  ])("fails when the file %s since it was packed", async (_, change) => {
    putFiles(project, { a: "0123456789" });
    utimesSync(join(project, "a"), 1_000_000, 1_000_000);
    const packed = await pack();
    change(join(project, "a"));
    for (const offset of [0, 3])
      await expect(readBlob(packed, sha256("0123456789"), offset)).rejects.toMatchObject({ code: "SourceUnreadable" });
  });

  test.each([
    ["that was not offered", { sha256: "ab".repeat(32), bytes: 10, have: 0 }],
    ["from beyond its end", { sha256: sha256("0123456789"), bytes: 12, have: 11 }],
    ["of another size", { sha256: sha256("0123456789"), bytes: 12, have: 0 }],
    ["from before its beginning", { sha256: sha256("0123456789"), bytes: 10, have: -1 }],
    ["with more of it there than it has", { sha256: sha256("0123456789"), bytes: 10, have: 11 }],
  ])("is refused to who asks for one %s", async (_, wanted) => {
    putFiles(project, { a: "0123456789" });
    const stream = sendBlobs(await pack(), [wanted], signal);
    await expect(Array.fromAsync(stream)).rejects.toMatchObject({ code: "PeerRefused" });
  });
});
