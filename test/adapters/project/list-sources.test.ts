import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listSources, surveySources } from "../../../src/adapters/project/list-sources.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-project-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const signal = new AbortController().signal;

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

async function paths(exclude: readonly string[] = []): Promise<string[]> {
  const entries = await listSources({ projectPath: root, exclude, files: [] }, signal);
  return entries.filter((entry) => entry.kind === "file").map((entry) => entry.path);
}

describe("a project", () => {
  test("travels whole, directories before what is in them", async () => {
    put({ "b/c/d.txt": "12345", "a.sh": "#!/bin/sh\n", "b.txt": "" });
    chmodSync(join(root, "a.sh"), 0o755);
    mkdirSync(join(root, "empty"));
    const entries = await listSources({ projectPath: root, exclude: [], files: [] }, signal);
    expect(entries.map(({ path, kind, bytes, executable }) => [path, kind, bytes, executable])).toEqual([
      ["a.sh", "file", 10, true],
      ["b", "directory", 0, false],
      ["b.txt", "file", 0, false],
      ["b/c", "directory", 0, false],
      ["b/c/d.txt", "file", 5, false],
      ["empty", "directory", 0, false],
    ]);
    expect(entries[4]?.from).toBe(join(root, "b/c/d.txt"));
  });

  test("leaves out what .gitignore names, nested files included, and .git always", async () => {
    put({
      ".gitignore": "*.log\n/build/\n!keep.log\n",
      "x.log": "",
      "keep.log": "",
      "build/out": "",
      "src/build/in": "",
      "src/.gitignore": "secret.txt\n!deep.log\n",
      "src/secret.txt": "",
      "src/deep.log": "",
      "secret.txt": "",
      ".git/config": "",
      "src/.git/config": "",
    });
    expect(await paths()).toEqual([
      ".gitignore",
      "keep.log",
      "secret.txt",
      "src/.gitignore",
      "src/build/in",
      "src/deep.log",
    ]);
  });

  test("brings back with .homieignore what .gitignore leaves out", async () => {
    put({
      ".gitignore": "data/\n*.pkl\n",
      ".homieignore": "!data/\n*.md\n",
      "data/a.csv": "",
      "data/b.pkl": "",
      "README.md": "",
      "m.pkl": "",
    });
    expect(await paths()).toEqual([".gitignore", ".homieignore", "data/a.csv"]);
    put({ "sub/.homieignore": "!cache/\n", "sub/cache/f": "", ".gitignore": "cache/\n", "cache/f": "" });
    expect(await paths()).toContain("sub/cache/f");
    expect(await paths()).not.toContain("cache/f");
  });

  test("leaves out what exclude names, whatever ignore files say", async () => {
    put({ ".homieignore": "!*.ckpt\n", "a.ckpt": "", "data/big": "", "src/data/x": "", "keep.py": "" });
    expect(await paths(["*.ckpt", "/data"])).toEqual([".homieignore", "keep.py", "src/data/x"]);
  });

  test("sends links to its own files as files and no other link, device or FIFO", async () => {
    const outside = mkdtempSync(join(tmpdir(), "homie-outside-"));
    writeFileSync(join(outside, "secret"), "s");
    put({ "real/a": "content", ".git/config": "" });
    symlinkSync("real/a", join(root, "inside"));
    symlinkSync(join(outside, "secret"), join(root, "out"));
    symlinkSync("real", join(root, "folder"));
    symlinkSync("nowhere", join(root, "broken"));
    symlinkSync("loop", join(root, "loop"));
    symlinkSync(".git/config", join(root, "gitlink"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    const survey = await surveySources({ projectPath: root, exclude: [], files: [] }, signal);
    expect(survey.entries.map((entry) => [entry.path, entry.bytes])).toEqual([
      ["inside", 7],
      ["real", 0],
      ["real/a", 7],
    ]);
    expect(survey.skipped.map((skip) => skip.path)).toEqual(["broken", "folder", "gitlink", "loop", "out", "pipe"]);
    rmSync(outside, { recursive: true });
  });

  test.each(["/", homedir()])("is not %s", async (projectPath) => {
    await expect(listSources({ projectPath, exclude: [], files: [] }, signal)).rejects.toMatchObject({
      code: "SourceUnreadable",
      hint: expect.stringContaining("directory of its own"),
    });
  });

  test("is not homie's own home, and never holds it", async () => {
    put({ "home/state/homie.db": "", "home/desired/job.yaml": "", "a.py": "" });
    const home = join(root, "home");
    const survey = (projectPath: string) => listSources({ projectPath, exclude: [], files: [] }, signal, home);
    await expect(survey(home)).rejects.toThrow(/homie's own/);
    await expect(survey(join(home, "state"))).rejects.toThrow(/homie's own/);
    expect((await survey(join(home, "desired"))).map((entry) => entry.path)).toEqual(["job.yaml"]);
    expect((await survey(root)).map((entry) => entry.path)).toEqual(["a.py"]);
  });

  test.each([
    ["does not exist", "missing"],
    ["is not a directory", "file"],
  ])("that %s is said so", async (_title, name) => {
    put({ file: "" });
    await expect(listSources({ projectPath: join(root, name), exclude: [], files: [] }, signal)).rejects.toMatchObject({
      code: "SourceUnreadable",
    });
  });

  test.each(["a:b", "new\nline", "CON", "trailing."])(
    "with a file called %j is refused with the rule",
    async (name) => {
      put({ [name]: "" });
      await expect(paths()).rejects.toMatchObject({
        code: "SourceUnreadable",
        message: expect.stringContaining("cannot travel"),
      });
      expect(await paths([`/${name.slice(0, 2)}*`])).toEqual([]);
    },
  );

  test("with two names that differ in case only is refused", async () => {
    put({ readme: "", README: "" });
    await expect(paths()).rejects.toThrow(/one file on some machines/);
  });

  test("stops being read when nobody wants it any more", async () => {
    put({ a: "" });
    await expect(listSources({ projectPath: root, exclude: [], files: [] }, AbortSignal.abort())).rejects.toMatchObject(
      { name: "AbortError" },
    );
  });
});

describe("declared files", () => {
  test("land where they are told, with the directories above them", async () => {
    put({ "data/x/y.csv": "1", "script.py": "2" });
    const entries = await listSources(
      {
        exclude: [],
        files: [
          { from: join(root, "script.py"), to: "train.py" },
          { from: join(root, "data"), to: "in/put/data" },
        ],
      },
      signal,
    );
    expect(entries.map((entry) => entry.path)).toEqual([
      "in",
      "in/put",
      "in/put/data",
      "in/put/data/x",
      "in/put/data/x/y.csv",
      "train.py",
    ]);
  });

  test("replace the project's file of the same path", async () => {
    put({ "p/train.py": "old", "new.py": "newer" });
    const entries = await listSources(
      { projectPath: join(root, "p"), exclude: [], files: [{ from: join(root, "new.py"), to: "train.py" }] },
      signal,
    );
    expect(entries).toMatchObject([{ path: "train.py", bytes: 5 }]);
  });

  test.each(["../x", "/x", "a/../../x", ""])("never land at %j", async (to) => {
    put({ f: "" });
    await expect(listSources({ exclude: [], files: [{ from: join(root, "f"), to }] }, signal)).rejects.toMatchObject({
      code: "SourceUnreadable",
    });
  });

  test("that are missing are named with what to do", async () => {
    await expect(
      listSources({ exclude: [], files: [{ from: join(root, "gone.py"), to: "gone.py" }] }, signal),
    ).rejects.toMatchObject({
      message: expect.stringContaining("gone.py: it does not exist"),
      hint: expect.stringContaining("relative"),
    });
  });
});
