import { describe, expect, test } from "vitest";
import { exitCodeOfJob } from "../../src/cli/job-exit-code.ts";
import { renderBox, renderPlain } from "../../src/cli/render/box.ts";
import { plain } from "../../src/cli/render/colours.ts";
import type { ApiObject } from "../../src/cli/render/objects.ts";
import { stringWidth } from "../../src/cli/render/string-width.ts";
import { describeProgress } from "../../src/cli/run/describe-progress.ts";
import { draftJob } from "../../src/cli/run/draft.ts";
import type { Places } from "../../src/cli/run/draft.ts";
import { createLinePrinter } from "../../src/cli/run/line-printer.ts";
import { readWish } from "../../src/cli/run/options.ts";
import type { Program, RunOptions } from "../../src/cli/run/options.ts";
import { summarizeRun } from "../../src/cli/run/summary.ts";
import { describeSurvey, renderSurvey, surveyWarnings } from "../../src/cli/run/survey.ts";
import { validateManifest } from "../../src/resources/validate.ts";

describe("the words of a command line", () => {
  const lines: readonly [
    string[],
    string[] | undefined,
    RunOptions,
    Program,
    number | undefined,
    string | undefined,
  ][] = [
    [["x.py"], undefined, {}, { type: "script", file: "x.py", args: [] }, undefined, undefined],
    [["x.py"], ["-v", "--"], { gpu: true }, { type: "script", file: "x.py", args: ["-v", "--"] }, 1, undefined],
    [[], ["ls", "-la"], { gpu: "2" }, { type: "command", argv: ["ls", "-la"] }, 2, undefined],
    [[], [], { gpu: "x.py" }, { type: "script", file: "x.py", args: [] }, 1, undefined],
    [[], undefined, { dryRun: "x.py" }, { type: "script", file: "x.py", args: [] }, undefined, "manifest"],
    [["x.py"], undefined, { dryRun: "peers" }, { type: "script", file: "x.py", args: [] }, undefined, "peers"],
  ];
  test.each(lines)("%j -- %j with %j", (words, rest, options, program, gpus, dryRun) => {
    expect(readWish(words, rest, options)).toEqual({ program, options, gpus, dryRun });
  });
  test.each([
    [[], undefined],
    [[], []],
    [["a", "b"], undefined],
    [[""], undefined],
  ])("%j -- %j is nothing to run", (words, rest) => {
    expect(() => readWish(words, rest, {})).toThrow(expect.objectContaining({ code: "Usage" }));
  });
});

describe("the Job of a command line", () => {
  const places: Places = { directory: "/w/p", project: "/w/p", script: "/w/p/src/train.py" };
  const draft = (options: RunOptions, at: Places = places): ReturnType<typeof draftJob> =>
    draftJob(readWish(["src/train.py"], ["--epochs", "3"], options), at);

  test("takes its name from the script, runs it in the project, and brings everything new here", () => {
    const { manifest, sources } = draft({});
    expect(manifest.metadata.name).toMatch(/^train-[a-z2-9]{5}$/);
    expect(manifest.spec).toEqual({
      script: "src/train.py",
      args: ["--epochs", "3"],
      project: { path: "/w/p" },
      outputs: [{ to: "/w/p", when: "Always" }],
    });
    const files = [{ from: "/w/p/src/train.py", to: "src/train.py" }];
    expect(sources).toEqual({ projectPath: "/w/p", exclude: [], files });
  });
  test("says everything that was asked for, and is valid", () => {
    const { manifest } = draft({
      ...{ filename: ["../data.csv", "src/more.py"], image: "python", gpu: "2", cpu: "0.5", memory: "4g", disk: "20g" },
      ...{ timeout: "10m", peer: "bob", name: "mine", set: ["A=b=c", "E="], oGlob: ["*.pkl"], out: "../out" },
      ...{ force: true, network: "egress", atMostOnce: true, retries: "2" },
    });
    expect(validateManifest(manifest)).toEqual([]);
    expect(manifest).toMatchObject({
      metadata: { name: "mine", annotations: { "homie.dev/overwrite": "true" } },
      spec: {
        ...{ image: "python", peer: "bob", network: "egress", timeoutSeconds: 600, backoffLimit: 2 },
        guarantee: "AtMostOnce",
        resources: { cpu: 0.5, memory: "4g", disk: "20g", gpu: { count: 2 } },
        env: [
          { name: "A", value: "b=c" },
          { name: "E", value: "" },
        ],
        inputs: [
          { path: "/w/data.csv", mountPath: "data.csv" },
          { path: "/w/p/src/more.py", mountPath: "src/more.py" },
        ],
        outputs: [{ paths: ["*.pkl"], to: "/w/out", when: "Always" }],
      },
    });
  });
  test("names a script outside of the project by its whole path", () => {
    const { manifest, sources } = draft({}, { ...places, project: "/elsewhere" });
    expect(manifest.spec.script).toBe("/w/p/src/train.py");
    expect(sources.files).toEqual([{ from: "/w/p/src/train.py", to: "train.py" }]);
    expect(draft({}, { ...places, project: undefined }).manifest.spec.project).toBeUndefined();
  });
  test.each([
    ["/bin/Ünïcode Name.SH", /^n-code-name-[a-z2-9]{5}$/],
    ["___", /^job-[a-z2-9]{5}$/],
    [`${"a".repeat(200)}.py`, /^a{40}-[a-z2-9]{5}$/],
  ])("the name for %s is a name", (command, name) => {
    const wish = readWish([], [command, "x"], {});
    const { manifest, sources } = draftJob(wish, { ...places, script: undefined });
    expect(manifest.metadata.name).toMatch(name);
    expect(manifest.spec).toMatchObject({ command: [command], args: ["x"] });
    expect(sources.files).toEqual([]);
  });
  test.each([{ timeout: "soon" }, { timeout: "500ms" }, { retries: "-1" }, { retries: "101" }, { set: ["=x"] }])(
    "%j is wrong usage",
    (options) => {
      expect(() => draft(options)).toThrow(expect.objectContaining({ code: "Usage" }));
    },
  );
});

describe("what travels", () => {
  const survey = { files: 4, bytes: 2048, largest: [{ path: "a", bytes: 1024 }], skipped: [], skippedCount: 0 };
  test("is told in one line", () => {
    expect(describeSurvey(survey)).toBe("4 files, 2 KiB (largest: a 1 KiB)");
    expect(describeSurvey({ ...survey, files: 1 })).toBe("1 file, 2 KiB");
    expect(describeSurvey({ ...survey, files: 0 })).toBe("no files");
  });
  test("is warned of when it is much, or when something stays", () => {
    expect(surveyWarnings(survey)).toEqual([]);
    const skipped = [{ path: "a\u001B[31m", reason: "a link" }];
    const [stays, much] = surveyWarnings({ ...survey, bytes: 600 * 1024 ** 2, skipped, skippedCount: 1 });
    expect([stays, much?.includes("600 MiB")]).toEqual(["warning: not sent: a (a link)\n", true]);
  });
  test("is listed for a rehearsal", () => {
    expect(renderSurvey(survey)).toBe("would send 4 files, 2 KiB, the largest:\n  1 KiB  a\n");
    expect(renderSurvey({ ...survey, files: 0, bytes: 0, largest: [] })).toBe("would send 0 files, 0 B\n");
  });
});

const job = (status: object, spec: object = {}): ApiObject => ({
  metadata: { name: "train", generation: 1 },
  spec: spec as Record<string, unknown>,
  status: { observedGeneration: 1, ...status },
});

describe("what a job is doing", () => {
  test.each([
    [{}, "waiting for the daemon"],
    [{ phase: "Running", peer: "bob", observedGeneration: 0 }, "waiting for the daemon"],
    [{ phase: "Pending", message: "waiting for free cpu" }, "waiting for free cpu"],
    [{ phase: "Pending", message: "asking bob" }, "waiting: asking bob"],
    [{ phase: "Reserved", peer: "bob" }, "bob has promised room"],
    [{ phase: "Running", peer: "bob", attempt: 2 }, "running on bob (attempt 2)"],
    [{ phase: "Unknown", peer: "bob", message: "no news" }, "bob is silent: no news"],
    [{ phase: "Succeeded" }, undefined],
  ])("%j", (status, text) => {
    expect(describeProgress(job(status))).toBe(text);
  });
});

describe("how a job ended", () => {
  test("is its peer, runtime, exit code and files, relative to where the reader is", () => {
    const outputs = [
      { path: "out/model.bin", bytes: 2048, sha256: "" },
      { path: "/h/results/train/notes.txt", bytes: 5, sha256: "" },
    ];
    const message = "2 files; notes.txt: /w/p/notes.txt was there and homie did not write it; skipped x: a device";
    const conditions = [{ type: "OutputsCollected", status: "True", reason: "Diverted", message }];
    const ended = { phase: "Succeeded", peer: "bob", exitCode: 0, timings: { runSeconds: 1.26 } };
    const status = { ...ended, outputs, outputsPath: "/w/p", conditions };
    const { title, rows } = summarizeRun(job(status, { outputs: [{ to: "/w/p" }] }), "/w/p");
    expect(renderPlain(title, rows)).toBe(
      [
        "job/train succeeded",
        "  peer: bob",
        "  runtime: 1.3s",
        "  exit code: 0",
        "  downloaded: 1 file, 2 KiB",
        "    2 KiB  out/model.bin",
        "  kept apart: 1 file, 5 B",
        "    5 B  /h/results/train/notes.txt",
        "    notes.txt was there and homie did not write it",
        "    skipped x: a device",
        "    --force lets the next run overwrite what was there",
        "",
      ].join("\n"),
    );
  });
  test("is told why when it failed, unless the exit code says it", () => {
    const failed = { phase: "Failed", reason: "Error", message: "exit code 3", exitCode: 3 };
    expect(summarizeRun(job(failed), "/").rows).toEqual([["exit code", "3"]]);
    expect(summarizeRun(job({ ...failed, message: "ran longer than 1 s" }), "/").rows[0]).toEqual([
      "why",
      "ran longer than 1 s",
    ]);
  });
  test("a long list of files is cut", () => {
    const outputs = Array.from({ length: 30 }, (_, index) => ({ path: `f${index}`, bytes: 1, sha256: "" }));
    const { rows } = summarizeRun(job({ phase: "Succeeded", outputs, outputsPath: "/w" }), "/w");
    expect(rows.at(-1)).toBe("  ... and 10 more");
  });
  test.each([
    [{ phase: "Succeeded", exitCode: 0 }, 0],
    [{ phase: "Failed", exitCode: 7 }, 7],
    [{ phase: "Failed", reason: "Timeout", exitCode: 143 }, 124],
    [{ phase: "Failed", reason: "QueueTimeout" }, 124],
    [{ phase: "Failed", reason: "StageFailed" }, 125],
    [{ phase: "Failed", reason: "OutputMissing", exitCode: 0 }, 125],
    [{ phase: "Cancelled", exitCode: 143 }, 130],
  ])("%j exits with %d", (status, code) => {
    expect(exitCodeOfJob(job(status))).toBe(code);
  });
});

describe("a box", () => {
  test("is as wide as what is in it", () => {
    expect(renderBox("job/x", [["run", "a"], "  text"], { columns: 80, paint: plain })).toBe(
      "╭─ job/x ─╮\n│ run  a  │\n│   text  │\n╰─────────╯\n",
    );
  });
  test.each([20, 40, 80])("never leaves a terminal of %d columns, and loses no word", (columns) => {
    const text = "one two three four five six seven eight nine ten 十一 twelve";
    const box = renderBox("t".repeat(200), [["why", text], text], { columns, paint: plain });
    for (const line of box.trimEnd().split("\n")) expect(stringWidth(line)).toBe(stringWidth(box.split("\n")[0] ?? ""));
    expect(stringWidth(box.split("\n")[0] ?? "")).toBeLessThanOrEqual(columns);
    if (columns > 20) for (const word of text.split(" ")) expect(box).toContain(word);
  });
  test("shows nothing that moves the cursor", () => {
    const box = renderBox("x\u001B[2J", [["a\n", "b\u001B]0;t\u0007"]], { columns: 0, paint: plain });
    expect(box).not.toContain("\u001B");
    expect(box.split("\n")).toHaveLength(4);
  });
});

describe("log lines", () => {
  const frame = (stream: "stdout" | "stderr" | "homie" | "eof", text: string) =>
    ({ stream, bytes: Buffer.from(text), timeNs: 1n, nextOffset: 0 }) as const;
  test("carry the peer, are inert, and keep the streams apart however the bytes were cut", async () => {
    const written: string[] = [];
    const printer = createLinePrinter(async (stream, text) => void written.push(`${stream}:${text}`));
    await printer.print(frame("stdout", "one\ntw"), "bob");
    await printer.print(frame("stderr", "warn\u001B[31m!\n"), "bob");
    await printer.print(frame("stdout", "o\r\nrest"), "bob");
    await printer.print(frame("homie", "3 bytes were dropped"), "bob");
    await printer.print(frame("eof", "{}"), "bob");
    await printer.print(frame("stdout", "again"), "carol");
    await printer.end();
    expect(written).toEqual([
      "stdout:[bob] one\n",
      "stderr:[bob] warn!\n",
      "stdout:[bob] two\n",
      "stderr:homie: 3 bytes were dropped\n",
      "stdout:[bob] rest\n",
      "stdout:[carol] again\n",
    ]);
  });
  test("that never end are written in pieces", async () => {
    const written: string[] = [];
    const printer = createLinePrinter(async (_stream, text) => void written.push(text));
    for (let piece = 0; piece < 10; piece += 1) await printer.print(frame("stdout", "x".repeat(30_000)), "bob");
    await printer.end();
    expect(written.length).toBeGreaterThan(1);
    expect(written.join("").replaceAll(/[^x]/g, "")).toHaveLength(300_000);
  });
});
