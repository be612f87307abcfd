import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { surveyProject } from "../../src/daemon/survey.ts";

test("a survey counts what would travel, names the largest files, and leaves out what is ignored or homie's", async () => {
  const root = mkdtempSync(join(tmpdir(), "homie-survey-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "home"));
  mkdirSync(join(root, "data"));
  writeFileSync(join(root, "home", "key"), "secret");
  writeFileSync(join(root, "data", "big.bin"), Buffer.alloc(1000));
  writeFileSync(join(root, "data", "huge.tmp"), Buffer.alloc(5000));
  writeFileSync(join(root, ".gitignore"), "*.tmp\n");
  for (const number of [1, 2, 3, 4, 5, 6]) writeFileSync(join(root, `f${number}`), "x".repeat(number));
  symlinkSync("/etc/hostname", join(root, "out"));
  const signal = new AbortController().signal;
  const survey = await surveyProject({ projectPath: root, exclude: ["f1"], files: [] }, signal, join(root, "home"));
  expect(survey).toMatchObject({ files: 7, bytes: 1000 + 2 + 3 + 4 + 5 + 6 + 6, skippedCount: 1 });
  expect(survey.largest.slice(0, 2)).toEqual([
    { path: "data/big.bin", bytes: 1000 },
    { path: ".gitignore", bytes: 6 },
  ]);
  expect(survey.largest).toHaveLength(5);
  expect(survey.skipped.map(({ path }) => path)).toEqual(["out"]);
});
