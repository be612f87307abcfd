import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Job } from "../../src/resources/job.ts";
import { jobText, openHome, until } from "../adapters/files/home-fixture.ts";

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
