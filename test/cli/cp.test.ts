import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCp } from "../../src/cli/commands/cp.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";
import type { FakeTerminal } from "./fakes.ts";
import { aJob, jobs, makeDirectory, running } from "./run-support.ts";

describe("cp", () => {
  const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
  interface Copied {
    readonly code: number;
    readonly terminal: FakeTerminal;
  }
  interface CopyBed {
    readonly directory: string;
    copy(source: string, to: string, force?: true): Promise<Copied>;
  }
  function finishedHome(): CopyBed {
    const directory = makeDirectory();
    mkdirSync(join(directory, "out", "logs"), { recursive: true });
    mkdirSync(join(directory, "copies"));
    for (const [path, text] of [
      ["out/model.bin", "model"],
      ["out/logs/a.txt", "a"],
      ["out/logs/b.txt", "b"],
      ["kept.txt", "kept"],
    ] as const)
      writeFileSync(join(directory, path), text);
    const outputs = [
      { path: "model.bin", bytes: 5, sha256: sha("model") },
      { path: "logs/a.txt", bytes: 1, sha256: sha("a") },
      { path: "logs/b.txt", bytes: 1, sha256: sha("b") },
      { path: join(directory, "kept.txt"), bytes: 4, sha256: sha("kept") },
    ];
    const job = { ...aJob({ phase: "Succeeded", outputs, outputsPath: join(directory, "out") }) };
    const spec = { outputs: [{ to: join(directory, "out") }, { to: directory }] };
    const copy = async (source: string, to: string, force?: true): Promise<Copied> => {
      const terminal = fakeTerminal({ directory });
      const transport = fakeTransport({ [`GET ${jobs}/train`]: { json: { ...job, spec } } });
      const options = force === undefined ? {} : { force };
      return {
        terminal,
        code: await finish(terminal, runCp(fakeContext(terminal, transport), source, to, options)),
      };
    };
    return { directory, copy };
  }

  test("copies a file, or a directory, into a directory or under a new name", async () => {
    const { directory, copy } = finishedHome();
    expect((await copy("job/train:model.bin", "copies")).code).toBe(0);
    expect((await copy("train:./model.bin", "new/m.bin")).code).toBe(0);
    expect((await copy("job/train:logs/", "copies/")).code).toBe(0);
    expect((await copy("job/train:kept.txt", "copies")).code).toBe(0);
    const read = (path: string): string => readFileSync(join(directory, path), "utf8");
    expect([read("copies/model.bin"), read("new/m.bin"), read("copies/logs/b.txt"), read("copies/kept.txt")]).toEqual([
      "model",
      "model",
      "b",
      "kept",
    ]);
  });

  test("overwrites only with --force", async () => {
    const { directory, copy } = finishedHome();
    writeFileSync(join(directory, "copies", "model.bin"), "mine");
    const refused = await copy("job/train:model.bin", "copies");
    expect([refused.code, refused.terminal.stderr().includes("--force")]).toEqual([1, true]);
    expect((await copy("job/train:model.bin", "copies", true)).code).toBe(0);
    expect(readFileSync(join(directory, "copies", "model.bin"), "utf8")).toBe("model");
  });

  test("copies nothing that is no longer what came home", async () => {
    const { directory, copy } = finishedHome();
    writeFileSync(join(directory, "out", "model.bin"), "edited");
    rmSync(join(directory, "kept.txt"));
    expect((await copy("job/train:model.bin", "copies")).terminal.stderr()).toContain("was changed since it came home");
    expect((await copy("job/train:kept.txt", "copies")).terminal.stderr()).toContain("is not there any more");
  });

  test.each([
    ["job/train", 2],
    ["job/train:", 2],
    ["limits/train:x", 2],
    ["job/train:../secret", 2],
    ["job/train:/etc/passwd", 2],
    ["job/train:nope", 1],
    ["job/train:mod", 1],
    ["job/other:model.bin", 1],
  ])("%s is refused", async (source, code) => {
    expect((await finishedHome().copy(source, "copies")).code).toBe(code);
  });

  test("a job that runs has nothing to copy yet", async () => {
    const terminal = fakeTerminal();
    const context = fakeContext(terminal, fakeTransport({ [`GET ${jobs}/train`]: { json: running } }));
    expect(await finish(terminal, runCp(context, "job/train:x", ".", {}))).toBe(1);
    expect(terminal.stderr()).toContain("is not finished");
  });
});
