import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createReplacedFiles } from "../../src/adapters/files/replaced-files.ts";
import type { Job } from "../../src/resources/job.ts";
import { jobText, openHome, until } from "../adapters/files/home-fixture.ts";
import { temporaryDirectory, testLog } from "../store/store-fixture.ts";
import { FakeClock } from "../support/fake-clock.ts";

describe("a program that opened the file before status was written into it", () => {
  it.each([0, 100, 800])("and writes %i ms later does not lose its edit", async (laterMs) => {
    await using home = openHome({ mirrorStatus: true });
    const path = home.put("train.yaml", jobText("train"));
    await home.loop.rescan();
    home.loop.start();
    const job = home.store.get<Job>({ kind: "Job", name: "train" });
    if (job === undefined) throw new Error("the job is not there");
    const file = openSync(path, "r+");
    const before = statSync(path).ino;
    home.store.putStatus(job, { observedGeneration: 1, phase: "Running" });
    await until(() => statSync(path).ino !== before, "status is in the file");
    await new Promise((resolve) => setTimeout(resolve, laterMs));
    ftruncateSync(file, 0);
    writeSync(file, jobText("train", "debian"), 0);
    closeSync(file);
    await until(
      () => home.store.get<Job>({ kind: "Job", name: "train" })?.spec.image === "debian",
      "the edit is taken",
    );
    await until(() => readFileSync(path, "utf8").includes("phase: Running"), "status is back");
    expect(readFileSync(path, "utf8").startsWith(jobText("train", "debian"))).toBe(true);
  });

  it("and writes after somebody else has saved leaves that newer edit alone", async () => {
    await using home = openHome({ mirrorStatus: true });
    const path = home.put("train.yaml", jobText("train"));
    await home.loop.rescan();
    home.loop.start();
    const job = home.store.get<Job>({ kind: "Job", name: "train" });
    if (job === undefined) throw new Error("the job is not there");
    const file = openSync(path, "r+");
    const before = statSync(path).ino;
    home.store.putStatus(job, { observedGeneration: 1, phase: "Running" });
    await until(() => statSync(path).ino !== before, "status is in the file");
    home.put("train.yaml", jobText("train", "newer"));
    writeSync(file, jobText("train", "older"), 0);
    closeSync(file);
    await home.loop.stop();
    expect(readFileSync(path, "utf8")).toContain("image: newer");
  });
});

it("an edit that comes before the new file's directory is synchronized is back as soon as any other", async () => {
  const clock = new FakeClock();
  const replaced = createReplacedFiles({ clock, log: testLog() });
  const path = join(temporaryDirectory(), "train.yaml");
  const [old, mirrored, edited] = [jobText("train"), `${jobText("train")}status: {}\n`, jobText("train", "debian")];
  writeFileSync(path, old);
  const file = openSync(path, "r+");
  const held = replaced.hold(path);
  writeFileSync(`${path}.new`, mirrored);
  renameSync(`${path}.new`, path);
  ftruncateSync(file, 0);
  writeSync(file, edited, 0);
  closeSync(file);
  held?.replaced(Buffer.from(old));
  await clock.advance(500);
  // What is in the file is whose bytes were replaced, but for status: the edit goes over it.
  expect(readFileSync(path, "utf8")).toBe(edited);
  await replaced.stop();
});
