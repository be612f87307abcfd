import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { homePaths } from "../../../src/adapters/home.ts";
import { createInputStore } from "../../../src/adapters/inputs/input-store.ts";
import { packInputs, sendBlobs } from "../../../src/adapters/inputs/pack-inputs.ts";
import type { PackedInputs } from "../../../src/adapters/inputs/pack-inputs.ts";
import { createStageStream } from "../../../src/adapters/project/stage-stream.ts";
import { readTar } from "../../../src/tar/read.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";
import { bringOver, filesBelow, plenty, putFiles, seedStore, signal } from "./support.ts";

let root: string;
let project: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-inputs-"));
  project = join(root, "project");
  mkdirSync(project);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pack = (): Promise<PackedInputs> =>
  packInputs(
    { projectPath: project, exclude: [], files: [] },
    {
      homieRoot: join(root, "home"),
      cachePath: homePaths(join(root, "home")).hashCache,
      signal,
      now: () => Date.now() + 10_000,
    },
  );
const executor = () => homePaths(join(root, "executor"));

describe("files that travel", () => {
  test("arrive with the bytes, kinds and modes they had, and are staged like local ones", async () => {
    putFiles(project, { "a.txt": "alpha", "deep/er/b": Buffer.alloc(700_000, "b"), empty: "", __proto__: "odd" });
    putFiles(project, { "copy of a.txt": "alpha", "deep/ünï.txt": "u" });
    writeFileSync(join(project, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    mkdirSync(join(project, "hollow"));
    symlinkSync("a.txt", join(project, "link"));
    symlinkSync("/etc/hostname", join(project, "outside"));
    const packed = await pack();
    expect(packed.skipped.map(({ path }) => path)).toEqual(["outside"]);
    const store = createInputStore(executor());
    await bringOver(packed, store);

    const local = sampleAttempt({ sources: { projectPath: project, exclude: [], files: [] } });
    const hosted = sampleAttempt({
      hosted: {
        submitter: { node: "n", peer: "p" },
        inputs: packed.root,
        guarantee: "AtLeastOnce",
        leaseSeconds: 45,
        begin: true,
      },
    });
    const [there, here] = [await unpack(hosted, "executor"), await unpack(local, "home")];
    expect(there).toEqual(here);
    expect(there.map(([path]) => path)).toContain("job/run.sh");
    for (const { path, sha256, kind, from } of await store.sources(packed.root)) {
      if (kind === "directory") continue;
      expect(readFileSync(from)).toEqual(readFileSync(join(project, path)));
      expect(statSync(from).mode & 0o777).toBe(0o600);
      expect(from.endsWith(String(sha256))).toBe(true);
    }
    expect(filesBelow(join(executor().blobs, "partial"))).toEqual([]);
    expect(filesBelow(join(executor().blobs, "lists"))).toEqual([]);
  });

  test("cost nothing when all of them are there already, and a project may be empty", async () => {
    putFiles(project, { a: "1", b: "2" });
    const store = createInputStore(executor());
    await bringOver(await pack(), store);
    expect(await bringOver(await pack(), store)).toMatchObject({ sent: 0 });
    rmSync(project, { recursive: true });
    mkdirSync(project);
    const { root: empty } = await pack();
    expect(empty).toEqual({ entries: 0, bytes: 0, chunks: [] });
    expect(await store.wanted(empty)).toEqual({ complete: true });
    expect(await store.sources(empty)).toEqual([]);
  });

  test("are named 4,096 at a time, and counted whole", async () => {
    for (let index = 0; index < 4_200; index++) writeFileSync(join(project, `f${index}`), `content ${index}`);
    const packed = await pack();
    const store = createInputStore(executor());
    const first = await store.wanted(packed.root);
    if (first.complete) throw new Error("chunks are missing");
    await store.receive(packed.root, sendBlobs(packed, first.blobs, signal), plenty);
    const second = await store.wanted(packed.root);
    expect(second).toMatchObject({ complete: false, missingBytes: packed.root.bytes });
    expect(second).toHaveProperty("blobs.length", 4_096);
    expect(await store.entries(packed.root)).toHaveLength(4_200);
  });

  test("of ten thousand, one that changed costs at most 64 KiB", { timeout: 120_000 }, async () => {
    for (let folder = 0; folder < 100; folder++) {
      mkdirSync(join(project, `package-${folder}/source`), { recursive: true });
      for (let file = 0; file < 100; file++)
        writeFileSync(join(project, `package-${folder}/source/component-number-${file}.test.ts`), `${folder} ${file}`);
    }
    const store = createInputStore(executor());
    await seedStore(await pack(), executor().blobs);
    writeFileSync(join(project, "package-37/source/component-number-50.test.ts"), "changed".repeat(100));
    const packed = await pack();
    const { sent, answered } = await bringOver(packed, store);
    expect(sent).toBeGreaterThan(700);
    expect(sent + answered + JSON.stringify(packed.root).length).toBeLessThan(64 * 1024);
  });

  test("that were damaged on the executor's disk are noticed when staged, removed and wanted again", async () => {
    putFiles(project, { a: "sound", b: "other" });
    const packed = await pack();
    const store = createInputStore(executor());
    await bringOver(packed, store);
    const [a] = await store.sources(packed.root);
    writeFileSync(String(a?.from), "wound");
    const attempt = sampleAttempt({
      hosted: { submitter: { node: "n", peer: "p" }, inputs: packed.root, guarantee: "AtLeastOnce", leaseSeconds: 45 },
    });
    await expect(unpack(attempt, "executor")).rejects.toMatchObject({ code: "StateUnusable" });
    expect(await store.wanted(packed.root)).toMatchObject({ blobs: [{ sha256: a?.sha256, have: 0 }] });
    await bringOver(packed, store);
    expect(await unpack(attempt, "executor")).toHaveLength(3);
    writeFileSync(String(a?.from), "cut");
    expect(await store.wanted(packed.root)).toMatchObject({ blobs: [{ sha256: a?.sha256, have: 0 }] });
  });
});

async function unpack(attempt: ReturnType<typeof sampleAttempt>, home: string) {
  const stream = createStageStream(attempt, homePaths(join(root, home)), signal);
  const seen: [string, string, number, string][] = [];
  for await (const { path, kind, mode, body } of readTar(stream.chunks, { mode: "strict", maxTotalBytes: 2 ** 30 })) {
    const content = Buffer.concat(await Array.fromAsync(body, (piece) => Buffer.from(piece)));
    seen.push([path, kind, mode, content.toString("base64")]);
  }
  await stream.done;
  return seen;
}
