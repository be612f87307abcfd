import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import type { Job, JobStatus } from "../../../src/resources/job.ts";
import { spliceStatus } from "../../../src/resources/splice-status.ts";
import { age, jobText, openHome, until, type HomeFixture } from "./home-fixture.ts";

const setStatus = (home: HomeFixture, status: JobStatus, name = "x"): void => {
  const job = home.store.get<Job>({ kind: "Job", name });
  if (job === undefined) throw new Error(`no job ${name}`);
  home.store.putStatus(job, status);
};
const running = async (text: string, mirrorStatus = true): Promise<HomeFixture> => {
  const home = openHome({ mirrorStatus });
  home.put("x.yaml", text);
  home.loop.start();
  await home.loop.rescan();
  return home;
};
const messy = `# top comment\napiVersion: homie.dev/v1 # trailing\nkind:   Job\n\nmetadata: {name: "x"}\nspec:\n    image: 'busybox'   # quoted\n    command: [ echo,  hi ]\n\n# the end\n`;

test("everything outside status keeps its bytes", async () => {
  await using home = await running(messy);
  setStatus(home, { phase: "Running", message: "on bob" });
  await until(() => home.text("x.yaml").includes("phase: Running"), "the status is mirrored");
  const bare = spliceStatus(home.text("x.yaml"), 0, undefined);
  expect(bare.ok && bare.text).toBe(messy);
});

test("many changes in a second are few writes, and the last one lands", async () => {
  await using home = await running(jobText("x"));
  const inodes = new Set<number>();
  for (let n = 0; n < 50; n += 1) {
    setStatus(home, { phase: "Running", attempt: n });
    inodes.add(statSync(join(home.paths.desired, "x.yaml")).ino);
    await systemClock.sleep(5);
  }
  await until(() => home.text("x.yaml").includes("attempt: 49"), "the last status is mirrored");
  expect(inodes.size).toBeLessThanOrEqual(2);
});

test("numbers that move without a transition are not written", async () => {
  await using home = await running(jobText("x"));
  setStatus(home, { phase: "Running", logs: { stdoutBytes: 1, stderrBytes: 0 } });
  await until(() => home.text("x.yaml").includes("stdoutBytes: 1"), "the first status is mirrored");
  setStatus(home, { phase: "Running", logs: { stdoutBytes: 2, stderrBytes: 0 } });
  await home.loop.rescan();
  await systemClock.sleep(1200);
  expect(home.text("x.yaml")).toContain("stdoutBytes: 1");
  setStatus(home, { phase: "Succeeded", logs: { stdoutBytes: 3, stderrBytes: 0 } });
  await until(() => home.text("x.yaml").includes("stdoutBytes: 3"), "the transition is mirrored");
});

describe("the user and the status block", () => {
  test.each<readonly [string, (text: string) => string]>([
    ["edits it", (text) => text.replace("phase: Running", "phase: Succeeded")],
    ["deletes it", () => jobText("x")],
  ])("who %s sees it come back, and the spec is untouched", async (_, change) => {
    await using home = await running(jobText("x"));
    setStatus(home, { phase: "Running" });
    await until(() => home.text("x.yaml").includes("phase: Running"), "the status is mirrored");
    const mirrored = home.text("x.yaml");
    writeFileSync(join(home.paths.desired, "x.yaml"), change(mirrored));
    await until(() => home.text("x.yaml") === mirrored, "the status is back");
    expect(home.store.list("Job")[0]!.metadata.generation).toBe(1);
  });

  test("a save between two status writes wins and is taken", async () => {
    await using home = await running(jobText("x"));
    setStatus(home, { phase: "Running" });
    writeFileSync(join(home.paths.desired, "x.yaml"), jobText("x", "newer"));
    await until(() => home.store.list<Job>("Job")[0]!.spec.image === "newer", "the save is taken");
    await until(() => home.text("x.yaml").includes("phase: Running"), "the status follows");
    expect(home.text("x.yaml")).toContain("image: newer # the image");
  });
});

test("each of several documents in a file gets its own status", async () => {
  await using home = await running(`${jobText("x")}---\n${jobText("y")}`);
  setStatus(home, { phase: "Running" });
  setStatus(home, { phase: "Failed" }, "y");
  await until(() => home.text("x.yaml").includes("phase: Failed"), "both are mirrored");
  const [first = "", second = ""] = home.text("x.yaml").split("---\n");
  expect([first.includes("phase: Running"), second.includes("phase: Failed")]).toEqual([true, true]);
});

test("a file with a mistake is never written", async () => {
  await using home = await running(jobText("x"));
  const path = join(home.paths.desired, "x.yaml");
  const broken = jobText("x").replace("image:", "imgae:");
  writeFileSync(path, broken);
  age(path);
  await home.loop.rescan();
  setStatus(home, { phase: "Running" });
  await home.loop.rescan();
  await home.loop.stop();
  expect(readFileSync(path, "utf8")).toBe(broken);
});

test("the mode of the file stays", async () => {
  await using home = await running(jobText("x"));
  const path = join(home.paths.desired, "x.yaml");
  chmodSync(path, 0o640);
  await home.loop.rescan();
  setStatus(home, { phase: "Running" });
  await until(() => home.text("x.yaml").includes("phase: Running"), "the status is mirrored");
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("with mirror_status: false nothing is written", async () => {
  await using home = await running(jobText("x"), false);
  setStatus(home, { phase: "Succeeded" });
  await home.loop.rescan();
  await home.loop.stop();
  expect(home.text("x.yaml")).toBe(jobText("x"));
});

test("what is due at the end is written before stop resolves", async () => {
  await using home = await running(jobText("x"));
  setStatus(home, { phase: "Running" });
  await until(() => home.text("x.yaml").includes("phase: Running"), "the status is mirrored");
  setStatus(home, { phase: "Succeeded" });
  await home.loop.stop();
  expect(home.text("x.yaml")).toContain("phase: Succeeded");
});
