import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  atomicWrite,
  atomicWriteSync,
  removeLeftoversBelow,
  stageWrite,
} from "../../../src/adapters/files/atomic-write.ts";
import { lstatBig, stampAt, stampOfRenamed } from "../../../src/adapters/files/file-stamp.ts";
import { temporaryDirectory } from "../../store/store-fixture.ts";

describe.each([
  ["atomicWriteSync", async (...args: Parameters<typeof atomicWriteSync>) => atomicWriteSync(...args)],
  ["atomicWrite", atomicWrite],
])("%s", (_, write) => {
  test("replaces a file whole, with the given mode whatever the umask", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "x");
    writeFileSync(path, "old");
    const text = "ä".repeat(300_000);
    expect(await write(path, text, { mode: 0o664 })).toBe(true);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(statSync(path).mode & 0o777).toBe(0o664);
    expect(readdirSync(directory)).toEqual(["x"]);
  });

  test("leaves the old file and no temporary one when it is not confirmed", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "x"), "old");
    expect(await write(join(directory, "x"), "new", { confirm: () => false })).toBe(false);
    expect(readFileSync(join(directory, "x"), "utf8")).toBe("old");
    expect(readdirSync(directory)).toEqual(["x"]);
  });

  test("fails with StateUnusable and cleans up when the rename is impossible", async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "x", "full"), { recursive: true });
    await expect(write(join(directory, "x"), "new")).rejects.toMatchObject({ code: "StateUnusable" });
    expect(readdirSync(directory)).toEqual(["x"]);
  });
});

test.runIf(process.platform === "linux")("a write that is cut short leaves the old file whole", () => {
  const directory = temporaryDirectory();
  const path = join(directory, "x");
  writeFileSync(path, "old");
  const source = join(directory, "writer.ts");
  const module = join(import.meta.dirname, "../../../src/adapters/files/atomic-write.ts");
  writeFileSync(
    source,
    `import { atomicWriteSync } from ${JSON.stringify(module)};
     process.on("SIGXFSZ", () => undefined);
     try { atomicWriteSync(${JSON.stringify(path)}, "n".repeat(200_000)); console.log("written"); }
     catch (error) { console.log(error.code); }`,
  );
  // A limit on the size of files does what a full disk does: the write that crosses it is short, the next one fails.
  const run = spawnSync("prlimit", ["--fsize=100000", process.execPath, source], { encoding: "utf8" });
  expect(run.stdout.trim()).toBe("StateUnusable");
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(directory).toSorted()).toEqual(["writer.ts", "x"]);
});

test("what killed writers left is removed at any depth, and nothing else", () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "a"));
  stageWrite(join(root, "a/x.yaml"), "half");
  stageWrite(join(root, "y.yaml"), "half");
  writeFileSync(join(root, "a/keep.yaml"), "kept");
  removeLeftoversBelow(root);
  expect(readdirSync(root, { recursive: true })).toEqual(["a", "a/keep.yaml"]);
});

describe("the stamp of what was renamed", () => {
  const rename = (meddle: (path: string) => void): readonly [found: string | undefined, at: string | undefined] => {
    const [from, path] = ["a", "b"].map((name) => join(temporaryDirectory(), name)) as [string, string];
    writeFileSync(from, "ours");
    const stats = lstatBig(from);
    if (stats === undefined) throw new Error("not written");
    renameSync(from, path);
    meddle(path);
    return [stampOfRenamed(path, stats), stampAt(path)];
  };

  test("is that of the file, when nobody has touched it", () => {
    const [found, at] = rename(() => undefined);
    expect(found).toBe(at);
    expect(found).toBeDefined();
  });

  test.each<readonly [string, (path: string) => void]>([
    [
      "another file has been renamed over it",
      (path) => (writeFileSync(`${path}.new`, "ours"), renameSync(`${path}.new`, path)),
    ],
    ["it has been written to", (path) => writeFileSync(path, "theirs")],
    ["it is gone", (path) => renameSync(path, `${path}.gone`)],
  ])("is told to nobody when %s: it would be taken for ours", (_, meddle) => {
    expect(rename(meddle)[0]).toBeUndefined();
  });

  test("is told to whoever asked for the write", async () => {
    const path = join(temporaryDirectory(), "x");
    const told: unknown[] = [];
    await atomicWrite(path, "text", { renamed: (stamp) => told.push(stamp) });
    expect(told).toEqual([stampAt(path)]);
  });
});
