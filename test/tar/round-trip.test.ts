import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HomieError } from "../../src/resources/errors.ts";
import { unsafeNameReason } from "../../src/tar/names.ts";
import { readTar } from "../../src/tar/read.ts";
import { writeTar } from "../../src/tar/write.ts";
import {
  archiveOf,
  collect,
  directoryInput,
  fileInput,
  inPieces,
  pack,
  rawEntry,
  readAll,
  strict,
} from "./tar-samples.ts";

const names = fc.uniqueArray(
  fc
    .array(fc.stringMatching(/^[a-z0-9é日_-]{1,60}$/), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join("/"))
    // "con" and its like are made now and then, and are no names.
    .filter((path) => unsafeNameReason(path) === undefined),
  { maxLength: 6, selector: (path) => path.split("/")[0] },
);

describe("an archive written by homie", () => {
  test("reads back as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(names, fc.string({ maxLength: 2000 }), async (paths, text) => {
        const latin = Buffer.from(text).toString("latin1");
        const archive = await pack(paths.map((path) => fileInput(path, latin)));
        const entries = await readAll(archive, strict);
        expect(entries.map((entry) => [entry.path, entry.text])).toEqual(paths.map((path) => [path, latin]));
      }),
      { numRuns: 60 },
    );
  });

  test("reads the same whatever the size of the pieces it comes in", async () => {
    const archive = await pack([
      directoryInput("d"),
      fileInput("d/a", "x".repeat(700)),
      fileInput(`d/${"é".repeat(80)}`, "y"),
      fileInput("e"),
    ]);
    const whole = await readAll(archive, strict);
    expect(whole).toHaveLength(4);
    for (const size of [1, 3, 511, 512, 513, 1000]) expect(await readAll(archive, strict, size)).toEqual(whole);
  });

  test("throws nothing but TarRejected when any byte is changed", async () => {
    const archive = await pack([
      directoryInput("d"),
      fileInput("d/a", "hello"),
      fileInput(`d/${"日".repeat(50)}`, "y"),
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(strict, collect),
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (limits, changes) => {
          const damaged = Buffer.from(archive);
          for (const [at, byte] of changes) damaged[at] = byte;
          const error = await readAll(damaged, limits).then(
            () => undefined,
            (caught: unknown) => caught,
          );
          if (error !== undefined) expect(error).toMatchObject({ name: "HomieError", code: "TarRejected" });
        },
      ),
      { numRuns: 400 },
    );
  });

  test("is refused wherever it is cut off", async () => {
    const archive = await pack([fileInput("a", "x".repeat(600)), fileInput("b", "y")]);
    for (let end = 0; end < archive.length; end += 100) {
      await expect(readAll(archive.subarray(0, end), strict)).rejects.toThrow(HomieError);
    }
  });

  test("is not made from a body that is shorter or longer than it says", async () => {
    const body = (text: string) => ({ ...fileInput("a"), bytes: 5, body: inPieces(Buffer.from(text), 2) });
    await expect(pack([body("1234")])).rejects.toThrow(/shorter than 5/);
    await expect(pack([body("123456")])).rejects.toThrow(/longer than 5/);
  });

  test("keeps a size beyond 8 GiB in a pax record", async () => {
    const huge = 9 * 1024 ** 3;
    const endless = async function* (): AsyncIterable<Uint8Array> {
      for (;;) yield Buffer.alloc(64 * 1024);
    };
    for await (const chunk of writeTar([{ ...fileInput("huge"), bytes: huge, body: endless() }])) {
      const limits = { mode: "strict", maxTotalBytes: 10 * 1024 ** 3 } as const;
      for await (const entry of readTar(inPieces(chunk, 512), limits)) {
        expect(entry).toMatchObject({ path: "huge", bytes: huge });
        break;
      }
      break;
    }
    expect.assertions(1);
  });
});

describe("with GNU tar", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "homie-tar-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const long = `${"deep/".repeat(30)}${"n".repeat(120)}.txt`;

  function fillTree(root: string): void {
    mkdirSync(join(root, "deep/".repeat(30)), { recursive: true });
    writeFileSync(join(root, long), "long");
    writeFileSync(join(root, "naïve-日本.txt"), "unicode");
    writeFileSync(join(root, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(root, "run.sh"), 0o4777);
    symlinkSync("/etc/passwd", join(root, "link"));
    execFileSync("mkfifo", [join(root, "pipe")]);
  }

  test.each(["gnu", "pax", "posix"])("its %s format is read, long names and links included", async (format) => {
    const root = join(directory, "tree");
    mkdirSync(root);
    fillTree(root);
    const archive = execFileSync("tar", [`--format=${format}`, "-C", root, "-cf", "-", "."]);
    const entries = new Map((await readAll(archive, collect, 4096)).map((entry) => [entry.path, entry]));
    expect(entries.get(long)).toMatchObject({ kind: "file", text: "long", mode: 0o644 });
    expect(entries.get("naïve-日本.txt")).toMatchObject({ kind: "file", text: "unicode" });
    expect(entries.get("run.sh")).toMatchObject({ mode: 0o755 });
    expect(entries.get("link")).toMatchObject({ kind: "link", reason: "symbolic link", text: "" });
    expect(entries.get("pipe")).toMatchObject({ kind: "other", reason: "FIFO" });
    await expect(readAll(archive, strict)).rejects.toThrow(/TarRejected|refused/);
  });

  test("it unpacks what homie packs", async () => {
    const paths = ["plain", `${"p".repeat(90)}/${"q".repeat(90)}`, `${"r".repeat(200)}`, "naïve-日本.txt"];
    writeFileSync(join(directory, "a.tar"), await pack(paths.map((path) => fileInput(path, path.slice(0, 5)))));
    mkdirSync(join(directory, "out"));
    execFileSync("tar", ["-C", join(directory, "out"), "--no-same-owner", "-xf", join(directory, "a.tar")]);
    for (const path of paths)
      expect(readFileSync(join(directory, "out", path), "latin1")).toBe(
        Buffer.from(path.slice(0, 5), "latin1").toString("latin1"),
      );
  });

  test("the engine's way of rooting an archive at one directory is read", async () => {
    const archive = archiveOf(
      rawEntry({ name: "job/", type: "5" }),
      rawEntry({ name: "job/model.pkl", body: Buffer.from("m") }),
    );
    expect((await readAll(archive, collect)).map((entry) => entry.path)).toEqual(["job", "job/model.pkl"]);
  });
});
