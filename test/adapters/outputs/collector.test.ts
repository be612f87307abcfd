import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import { createAttemptFiles } from "../../../src/adapters/outputs/attempt-files.ts";
import { createCollector } from "../../../src/adapters/outputs/collector.ts";
import { createProcessRuntime } from "../../../src/adapters/process/runtime.ts";
import type { CollectOutcome } from "../../../src/controllers/attempt/ports.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { AttemptSpec, OutputRule } from "../../../src/resources/attempt.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";
import { exited, treeRuntime } from "./tree-runtime.ts";
import type { TreeFile } from "./tree-runtime.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const signal = new AbortController().signal;
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

let root: string;
let place: ReturnType<typeof attemptPaths>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-collect-"));
  place = attemptPaths(homePaths(root), sampleAttempt().spec.job.uid, 1);
  mkdirSync(place.root, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function rule(paths: readonly string[], more: Partial<OutputRule> = {}): OutputRule {
  return { paths, exclude: [], required: false, when: "Always", ...more };
}

function stagedBefore(files: Readonly<Record<string, string>>): void {
  const baseline = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.byteLength(text), sha256: sha(text) }]),
  );
  writeFileSync(place.inputs, JSON.stringify(baseline));
}

async function collect(
  files: readonly TreeFile[],
  spec: Partial<AttemptSpec> = {},
  exitCode = 0,
): Promise<CollectOutcome> {
  return createCollector({ paths: homePaths(root), log }).collect(
    sampleAttempt(spec),
    treeRuntime(files, exited(exitCode)),
    signal,
  );
}

const kept = (outcome: CollectOutcome): string[] => outcome.outputs.map((output) => output.path);

describe("without rules", () => {
  test("every new or changed file is collected with its hash and mode", async () => {
    stagedBefore({ same: "same", touched: "before", resized: "old" });
    const outcome = await collect([
      { path: "same", text: "same" },
      { path: "touched", text: "after!" },
      { path: "resized", text: "older" },
      { path: "d/new.sh", text: "new", executable: true },
    ]);
    expect(outcome).toEqual({
      outputs: [
        { path: "touched", bytes: 6, sha256: sha("after!"), rule: 0, executable: false },
        { path: "resized", bytes: 5, sha256: sha("older"), rule: 0, executable: false },
        { path: "d/new.sh", bytes: 3, sha256: sha("new"), rule: 0, executable: true },
      ],
      skipped: [],
    });
    expect(readFileSync(join(place.outputs, "d/new.sh"), "utf8")).toBe("new");
    expect(statSync(join(place.outputs, "d/new.sh")).mode & 0o777).toBe(0o755);
    expect(statSync(join(place.outputs, "touched")).mode & 0o777).toBe(0o644);
    expect(existsSync(join(place.outputs, "same"))).toBe(false);
    expect(readdirSync(place.root).sort()).toEqual(["inputs.json", "outputs"]);
  });

  test("by-products of Python and git are left", async () => {
    const outcome = await collect([
      { path: "__pycache__/a.pyc", text: "x" },
      { path: "m/__pycache__/b", text: "x" },
      { path: "c.pyc", text: "x" },
      { path: ".git/hooks/post-checkout", text: "x" },
      { path: ".hidden", text: "kept" },
    ]);
    expect(kept(outcome)).toEqual([".hidden"]);
  });

  test("what the runtime would not read is listed with its reason", async () => {
    const outcome = await collect([
      { path: "link", skipped: "symbolic link" },
      { path: "a", text: "1" },
      { path: "A", text: "2" },
      { path: "e\u0301", text: "" },
      { path: "é", text: "" },
    ]);
    expect(kept(outcome)).toEqual(["a", "e\u0301"]);
    expect(outcome.skipped.map((skip) => skip.path)).toEqual(["link", "A", "é"]);
    expect(readFileSync(join(place.outputs, "a"), "utf8")).toBe("1");
  });

  test.each(["../escape", "/abs", "a/../../b", "nul\u0000", "CON", "a\nb"])(
    "the name %j is never written, even if a runtime passes it on",
    async (path) => {
      const outcome = await collect([{ path, text: "x" }]);
      expect(outcome.outputs).toEqual([]);
      expect(outcome.skipped).toHaveLength(1);
      expect(readdirSync(place.outputs)).toEqual([]);
    },
  );

  test("a directory and a file that fold into one name do not mix", async () => {
    const outcome = await collect([
      { path: "Model", text: "f" },
      { path: "model/w", text: "x" },
      { path: "D/x", text: "1" },
      { path: "d/y", text: "2" },
    ]);
    expect(kept(outcome)).toEqual(["Model", "D/x"]);
  });

  test("a long list of skipped things is cut", async () => {
    const outcome = await collect(
      Array.from({ length: 500 }, (_, index) => ({ path: `l${index}`, skipped: "symbolic link" })),
    );
    expect(outcome.skipped).toHaveLength(201);
    expect(outcome.skipped.at(-1)?.reason).toBe("300 more were skipped");
  });
});

describe("with rules", () => {
  test("the first that matches takes a file, unchanged ones too, and nothing else is opened", async () => {
    stagedBefore({ "in.txt": "in" });
    const runtime = treeRuntime([
      { path: "in.txt", text: "in" },
      { path: "logs/a.log", text: "a" },
      { path: "logs/deep/b.log", text: "b" },
      { path: "model.pkl", text: "m" },
      { path: "other", text: "o" },
      { path: "logs/skip.tmp", text: "s" },
    ]);
    const outputs = [rule(["logs"], { exclude: ["**/*.tmp"] }), rule(["*.pkl", "./in.txt", "logs/**"])];
    const outcome = await createCollector({ paths: homePaths(root), log }).collect(
      sampleAttempt({ outputs }),
      runtime,
      signal,
    );
    expect(outcome.outputs.map((output) => [output.path, output.rule])).toEqual([
      ["in.txt", 1],
      ["logs/a.log", 0],
      ["logs/deep/b.log", 0],
      ["model.pkl", 1],
      ["logs/skip.tmp", 1],
    ]);
    expect(runtime.opened).not.toContain("other");
  });

  test.each([
    [0, ["a.ok", "b.log"]],
    [1, ["b.log"]],
  ] as const)("after exit code %i, %j are collected when one rule is OnSuccess", async (exitCode, expected) => {
    const outputs = [rule(["*.ok"], { when: "OnSuccess" }), rule(["*.log"])];
    expect(kept(await collect([{ path: "a.ok" }, { path: "b.log" }], { outputs }, exitCode))).toEqual(expected);
  });

  test("a required rule without a file is a violation, but not on top of a failure", async () => {
    const outputs = [rule(["*.log"]), rule(["model.pkl"], { required: true })];
    expect((await collect([{ path: "a.log" }], { outputs })).violation).toMatchObject({
      reason: "OutputMissing",
      message: expect.stringContaining("model.pkl"),
    });
    expect((await collect([{ path: "a.log" }], { outputs }, 1)).violation).toBeUndefined();
    expect((await collect([{ path: "model.pkl" }], { outputs })).violation).toBeUndefined();
  });

  test("a rule over its size stops, others go on", async () => {
    const outputs = [rule(["*.big"], { maxBytes: 10 }), rule(["*.log"])];
    const runtime = treeRuntime([
      { path: "1.big", text: "123456" },
      { path: "2.big", text: "123456" },
      { path: "3.big", text: "1" },
      { path: "z.log", text: "z" },
    ]);
    const outcome = await createCollector({ paths: homePaths(root), log }).collect(
      sampleAttempt({ outputs }),
      runtime,
      signal,
    );
    expect(kept(outcome)).toEqual(["1.big", "z.log"]);
    expect(outcome.violation).toMatchObject({ reason: "OutputTooLarge", message: expect.stringContaining("2.big") });
    expect(runtime.opened).toEqual(["1.big", "z.log"]);
  });

  test("unchanged inputs do not count against a size", async () => {
    stagedBefore({ data: "x".repeat(100) });
    const outcome = await collect(
      [
        { path: "data", text: "x".repeat(100) },
        { path: "new", text: "12345" },
      ],
      { outputs: [rule([], { maxBytes: 10 })] },
    );
    expect(outcome.violation).toBeUndefined();
    expect(kept(outcome)).toEqual(["new"]);
  });
});

describe("collecting", () => {
  test("refuses a file beyond the disk limit at its header, without reading a byte", async () => {
    const runtime = treeRuntime([
      { path: "sparse", bytes: 1024 ** 4 },
      { path: "later", text: "x" },
    ]);
    const outcome = await createCollector({ paths: homePaths(root), log }).collect(sampleAttempt(), runtime, signal);
    expect(outcome.violation).toMatchObject({ reason: "OutputTooLarge" });
    expect(runtime.opened).toEqual([]);
  });

  test.each([
    ["shorter", 9],
    ["longer", 2],
  ])("fails when a body is %s than it was said to be", async (_title, bytes) => {
    await expect(collect([{ path: "a", text: "12345", bytes }])).rejects.toMatchObject({ code: "OutputRejected" });
  });

  test("takes a tree that is too large for its runtime as the attempt's outcome, with what came before", async () => {
    const runtime = treeRuntime([{ path: "a", text: "1" }]);
    const tooLarge = {
      ...runtime,
      async *readWorkTree(...args: Parameters<typeof runtime.readWorkTree>) {
        yield* runtime.readWorkTree(...args);
        throw new HomieError("TooLarge", "the archive has more than 5 entries");
      },
    };
    const outcome = await createCollector({ paths: homePaths(root), log }).collect(sampleAttempt(), tooLarge, signal);
    expect(kept(outcome)).toEqual(["a"]);
    expect(outcome.violation).toMatchObject({
      reason: "OutputTooLarge",
      message: expect.stringContaining("5 entries"),
    });
  });

  test("starts clean after a run that was killed", async () => {
    for (const leftover of ["outputs/old", "outputs.part/part"]) {
      mkdirSync(dirname(join(place.root, leftover)), { recursive: true });
      writeFileSync(join(place.root, leftover), "x");
    }
    await collect([{ path: "new", text: "n" }]);
    expect(readdirSync(place.outputs)).toEqual(["new"]);
    await createAttemptFiles(homePaths(root)).removeStagedOutputs(sampleAttempt());
    expect(readdirSync(place.root)).toEqual([]);
    await createAttemptFiles(homePaths(root)).removeAll(sampleAttempt());
    expect(existsSync(dirname(place.root))).toBe(false);
  });

  test("stops when it is aborted", async () => {
    const collector = createCollector({ paths: homePaths(root), log });
    await expect(
      collector.collect(sampleAttempt(), treeRuntime([{ path: "a" }]), AbortSignal.abort()),
    ).rejects.toMatchObject({ name: "AbortError" });
  });

  test("brings home what a real program wrote", async () => {
    const project = join(root, "..", `${root.split("/").at(-1)}-project`);
    mkdirSync(project);
    writeFileSync(join(project, "in.txt"), "in");
    const runtime = createProcessRuntime({
      paths: homePaths(root),
      nodeId: "n",
      clock: { now: () => new Date(), monotonicMs: () => 0, sleep: async () => undefined },
      log,
    });
    const attempt = sampleAttempt({
      argv: ["sh", "-c", "echo out > out.txt; ln -s /etc/passwd stolen; mkfifo pipe"],
      sources: { projectPath: project, exclude: [], files: [] },
    });
    await runtime.stage(attempt, signal);
    const wake = Promise.withResolvers<void>();
    using _watch = runtime.watch(
      () => void runtime.inspect(attempt).then((facts) => facts.phase === "exited" && wake.resolve()),
    );
    await runtime.start(attempt);
    if ((await runtime.inspect(attempt)).phase !== "exited") await wake.promise;
    const outcome = await createCollector({ paths: homePaths(root), log }).collect(attempt, runtime, signal);
    expect(outcome.outputs).toEqual([{ path: "out.txt", bytes: 4, sha256: sha("out\n"), rule: 0, executable: false }]);
    expect(outcome.skipped).toEqual([
      { path: "pipe", reason: "neither a file nor a directory" },
      { path: "stolen", reason: "symbolic link" },
    ]);
    await runtime.remove(attempt);
    rmSync(project, { recursive: true });
  });
});
