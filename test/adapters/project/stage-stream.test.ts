import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptPaths, homePaths } from "../../../src/adapters/home.ts";
import { createStageStream } from "../../../src/adapters/project/stage-stream.ts";
import { readTar } from "../../../src/tar/read.ts";
import { sampleAttempt } from "./attempt-sample.ts";

let root: string;
let project: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "homie-stage-"));
  project = join(root, "project");
  mkdirSync(project);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const signal = new AbortController().signal;
const limits = { mode: "strict", maxTotalBytes: 1024 ** 3 } as const;

describe("staging", () => {
  test("packs everything below job/ and leaves a baseline of hashes", async () => {
    writeFileSync(join(project, "a.txt"), "alpha");
    writeFileSync(join(project, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    mkdirSync(join(project, "d"));
    writeFileSync(join(project, "d", "__proto__"), "odd");
    const paths = homePaths(join(root, "home"));
    const attempt = sampleAttempt({ sources: { projectPath: project, exclude: [], files: [] } });
    const stream = createStageStream(attempt, paths, signal);
    const seen: [string, number, string][] = [];
    for await (const entry of readTar(stream.chunks, limits)) {
      const chunks = await Array.fromAsync(entry.body, (chunk) => Buffer.from(chunk));
      seen.push([entry.path, entry.mode, Buffer.concat(chunks).toString()]);
    }
    await stream.done;
    expect(seen).toEqual([
      ["job", 0o755, ""],
      ["job/a.txt", 0o644, "alpha"],
      ["job/d", 0o755, ""],
      ["job/d/__proto__", 0o644, "odd"],
      ["job/run.sh", 0o755, "#!/bin/sh\n"],
    ]);
    const { inputs } = attemptPaths(paths, attempt.spec.job.uid, 1);
    const baseline: unknown = JSON.parse(readFileSync(inputs, "utf8"));
    expect(Object.keys(baseline as object)).toEqual(["a.txt", "d/__proto__", "run.sh"]);
    expect(baseline).toMatchObject({
      "a.txt": { bytes: 5, sha256: createHash("sha256").update("alpha").digest("hex") },
    });
  });

  test("says that a file changed while it was read, and leaves no baseline", async () => {
    writeFileSync(join(project, "first"), Buffer.alloc(300_000));
    writeFileSync(join(project, "growing"), "short");
    const paths = homePaths(join(root, "home"));
    const attempt = sampleAttempt({ sources: { projectPath: project, exclude: [], files: [] } });
    const stream = createStageStream(attempt, paths, signal);
    const read = (async () => {
      for await (const entry of readTar(stream.chunks, limits))
        if (entry.path === "job/first") appendFileSync(join(project, "growing"), "more");
    })();
    await expect(read).rejects.toMatchObject({
      code: "SourceUnreadable",
      message: expect.stringContaining("changed while it was read"),
    });
    await expect(stream.done).rejects.toMatchObject({ code: "SourceUnreadable" });
    expect(existsSync(attemptPaths(paths, attempt.spec.job.uid, 1).inputs)).toBe(false);
  });

  test("stops when it is aborted", async () => {
    writeFileSync(join(project, "a"), Buffer.alloc(2_000_000));
    const controller = new AbortController();
    const stream = createStageStream(
      sampleAttempt({ sources: { projectPath: project, exclude: [], files: [] } }),
      homePaths(join(root, "home")),
      controller.signal,
    );
    const read = (async () => {
      for await (const chunk of stream.chunks) if (chunk.length > 0) controller.abort();
    })();
    await expect(read).rejects.toMatchObject({ name: "AbortError" });
  });
});
