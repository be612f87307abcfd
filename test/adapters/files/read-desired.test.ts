import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { stampAt } from "../../../src/adapters/files/file-stamp.ts";
import {
  createDesiredReader,
  readDesired,
  type DesiredReader,
  type WrittenFile,
} from "../../../src/adapters/files/read-desired.ts";
import { parseManifestFile } from "../../../src/adapters/files/read-manifest-file.ts";
import { settleMs } from "../../../src/adapters/files/settling.ts";
import { temporaryDirectory } from "../../store/store-fixture.ts";
import { age, jobText } from "./home-fixture.ts";
import { asOrdinaryUser } from "../../support/ordinary-user.ts";

const put = (root: string, name: string, text = jobText("x")): string => {
  const path = join(root, name);
  writeFileSync(path, text);
  age(path);
  return path;
};

test("manifests are found at any depth, in yaml, yml and json", async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "a/b"), { recursive: true });
  for (const name of ["one.yaml", "a/two.yml"]) put(root, name);
  put(
    root,
    "a/b/three.json",
    '{"apiVersion":"homie.dev/v1","kind":"Job","metadata":{"name":"j"},"spec":{"image":"i","command":["x"]}}',
  );
  put(root, "README.md");
  const reading = await readDesired(root);
  expect(reading.files.map((file) => basename(file.path))).toEqual(["three.json", "two.yml", "one.yaml"]);
  expect(reading.files.flatMap((file) => file.problems)).toEqual([]);
  expect(reading.files.flatMap((file) => file.documents)).toHaveLength(3);
  expect(reading.listedDirectories).toEqual([root, join(root, "a"), join(root, "a/b")]);
});

test.each([
  ".x.yaml",
  ".#x.yaml",
  "#x.yaml#",
  "x.yaml~",
  ".x.yaml.swp",
  "4913",
  "x.yaml.tmp",
  "x.yaml.orig",
  ".homie-x.yaml.ab12",
])("the leftover %s is ignored", async (name) => {
  const root = temporaryDirectory();
  put(root, name);
  expect((await readDesired(root)).files).toEqual([]);
});

test(".git is never entered", async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, ".git"));
  put(root, ".git/x.yaml");
  const reading = await readDesired(root);
  expect(reading.files).toEqual([]);
  expect(reading.listedDirectories).toEqual([root]);
});

describe("what is not a plain file of the user's is a problem and never blocks", () => {
  const rows: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ["a link", (path) => symlinkSync("/etc/passwd", path), /symbolic link/],
    ["a link to nothing", (path) => symlinkSync("/nowhere", path), /symbolic link/],
    ["a FIFO", (path) => void execFileSync("mkfifo", [path]), /FIFO/],
    ["a directory", (path) => mkdirSync(path), /directory/],
    ["a file over 1 MiB", (path) => writeFileSync(path, `# ${"x".repeat(1024 * 1024)}`), /at most 1048576/],
  ];
  test.each(rows)("%s", async (_, make, message) => {
    const root = temporaryDirectory();
    const path = join(root, "x.yaml");
    make(path);
    if (_.includes("MiB")) age(path);
    const { files } = await readDesired(root);
    expect(files[0]?.documents).toEqual([]);
    expect(files[0]?.problems[0]).toMatchObject({ file: path, message: expect.stringMatching(message) });
  });

  test("a link to a directory is reported and not followed", async () => {
    const [root, elsewhere] = [temporaryDirectory(), temporaryDirectory()];
    put(elsewhere, "x.yaml");
    symlinkSync(elsewhere, join(root, "jobs"));
    const reading = await readDesired(root);
    expect(reading.files).toEqual([]);
    expect(reading.unreadable).toEqual([
      { path: join(root, "jobs"), message: expect.stringContaining("not followed") },
    ]);
  });

  test("a file without rights is unreadable", async () => {
    const root = temporaryDirectory();
    const path = put(root, "x.yaml");
    chmodSync(path, 0);
    await asOrdinaryUser([root, path], async () => {
      expect((await readDesired(root)).unreadable).toHaveLength(1);
    });
  });
});

test("a root that is not there lists nothing", async () => {
  expect(await readDesired(join(temporaryDirectory(), "gone"))).toEqual({
    files: [],
    listedDirectories: [],
    unreadable: [],
  });
});

describe("a file that is being written", () => {
  test("is taken only when it has not changed for a while", async () => {
    const root = temporaryDirectory();
    const time = { ms: Date.now() };
    const reader = createDesiredReader({ root, now: () => new Date(time.ms), monotonicMs: () => time.ms });
    const path = join(root, "x.yaml");
    const whole = jobText("x");
    for (let at = 0; at < whole.length; at += 20) {
      appendFileSync(path, whole.slice(at, at + 20));
      utimesSync(path, new Date(time.ms), new Date(time.ms));
      const scan = await reader.read();
      expect(scan.unsettled).toEqual([path]);
      expect(scan.reading.unreadable[0]).toMatchObject({ path, transient: true });
      time.ms += 10;
    }
    time.ms += settleMs;
    const scan = await reader.read();
    expect(scan.unsettled).toEqual([]);
    expect(scan.reading.files[0]?.documents).toHaveLength(1);
  });

  test("with a time of change in the future is taken after it stood still before our eyes", async () => {
    const root = temporaryDirectory();
    const path = put(root, "x.yaml");
    utimesSync(path, new Date("2100-01-01"), new Date("2100-01-01"));
    const time = { ms: 0 };
    const reader = createDesiredReader({ root, now: () => new Date(), monotonicMs: () => time.ms });
    expect((await reader.read()).unsettled).toEqual([path]);
    time.ms += settleMs;
    expect((await reader.read()).reading.files).toHaveLength(1);
  });
});

test("an unchanged file is parsed once, a changed one again", async () => {
  const root = temporaryDirectory();
  const path = put(root, "x.yaml");
  const reader = createDesiredReader({ root, now: () => new Date(), monotonicMs: () => 0 });
  const first = (await reader.read()).reading.files[0];
  expect((await reader.read()).reading.files[0]).toBe(first);
  writeFileSync(path, jobText("y"));
  age(path);
  expect((await reader.read()).reading.files[0]?.documents[0]?.manifest.metadata.name).toBe("y");
  rmSync(path);
  expect((await reader.read()).reading.files).toEqual([]);
});

test("each document's line is where its content begins", async () => {
  const root = temporaryDirectory();
  put(root, "x.yaml", `# two jobs\n---\n${jobText("a")}---\n\n# second\n${jobText("b")}`);
  const [file] = (await readDesired(root)).files;
  expect(file?.documents.map((document) => file.documentLines?.[document.index])).toEqual([3, 13]);
});

describe("a file that homie has just written", () => {
  const now = jobText("x", "written");
  const known = (path: string): WrittenFile => {
    const bytes = Buffer.from(now);
    return { bytes, file: parseManifestFile(path, bytes) };
  };
  const readerOf = (root: string): DesiredReader =>
    createDesiredReader({ root, now: () => new Date(), monotonicMs: () => performance.now() });

  test("is not read for what it says", async () => {
    const root = temporaryDirectory();
    const path = put(root, "x.yaml", now);
    const reader = readerOf(root);
    const written = known(path);
    reader.trust(path, stampAt(path) ?? "", written);
    expect((await reader.read()).reading.files[0]).toBe(written.file);
  });

  test("but edited within the same tick of the clock is: such a stamp tells nothing", async () => {
    const root = temporaryDirectory();
    const path = put(root, "x.yaml", jobText("x", "changed"));
    const reader = readerOf(root);
    reader.trust(path, stampAt(path) ?? "", known(path));
    expect(reader.taken(path, stampAt(path) ?? "", readFileSync(path))).toBeUndefined();
    const [file] = (await reader.read()).reading.files;
    expect(file?.documents[0]?.manifest.spec).toMatchObject({ image: "changed" });
  });
});
