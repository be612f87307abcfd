import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { appendFileSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { age, jobText, openHome, until } from "./home-fixture.ts";

const hasGit = ((): boolean => {
  try {
    execFileSync("git", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("a running loop", () => {
  test("sees a save by rename as one change of the same object", async () => {
    await using home = openHome();
    const path = home.put("jobs/x.yaml", jobText("x"));
    home.loop.start();
    await until(() => home.names().length === 1, "the job is known");
    const { uid } = home.store.list("Job")[0]!.metadata;
    for (let round = 1; round <= 5; round += 1) {
      writeFileSync(`${path}.tmp`, jobText("x", `image-${round}`));
      renameSync(`${path}.tmp`, path);
      await until(() => home.store.list("Job")[0]!.metadata.generation === round + 1, `save ${round} is seen`);
    }
    expect(home.store.list("Job")[0]!.metadata.uid).toBe(uid);
  });

  test("F-26: acts once on a file that is written slowly", async () => {
    await using home = openHome();
    home.loop.start();
    mkdirSync(join(home.paths.desired, "jobs"));
    const seen: string[] = [];
    home.store.subscribe("Job", undefined, ({ type, object }) => seen.push(`${type} ${JSON.stringify(object.spec)}`));
    const text = jobText("x", "busybox", "  args: [a, b, c]\n");
    for (let at = 0; at < text.length; at += 15) {
      appendFileSync(join(home.paths.desired, "jobs/x.yaml"), text.slice(at, at + 15));
      await systemClock.sleep(25);
    }
    await until(() => seen.length > 0, "the job is created");
    expect(seen).toEqual([
      `ADDED ${JSON.stringify({ image: "busybox", command: ["echo", "hi"], args: ["a", "b", "c"] })}`,
    ]);
  });

  test("deletes after the grace, not when the file comes back within it", async () => {
    await using home = openHome();
    const path = home.put("x.yaml", jobText("x"));
    home.put("y.yaml", jobText("y"));
    home.loop.start();
    await until(() => home.names().length === 2, "both are known");
    unlinkSync(path);
    unlinkSync(join(home.paths.desired, "y.yaml"));
    await systemClock.sleep(500);
    writeFileSync(path, jobText("x"));
    await until(
      () => home.store.get({ kind: "Job", name: "y" })?.metadata.deletionTimestamp !== undefined,
      "y is deleted",
    );
    expect(home.store.get({ kind: "Job", name: "x" })?.metadata.deletionTimestamp).toBeUndefined();
  });

  test("survives desired/ being removed and made again", async () => {
    await using home = openHome();
    home.put("jobs/x.yaml", jobText("x"));
    home.loop.start();
    await until(() => home.names().length === 1, "the job is known");
    rmSync(home.paths.desired, { recursive: true });
    await until(() => home.store.problems().length === 1, "the loss is a problem");
    expect(home.store.list("Job")[0]!.metadata.deletionTimestamp).toBeUndefined();
    home.put("jobs/x.yaml", jobText("x"));
    home.put("jobs/y.yaml", jobText("y"));
    await until(() => home.names().length === 2 && home.store.problems().length === 0, "the new directory is seen");
  });

  test.runIf(hasGit)("follows git checkout without deleting what both branches have", async () => {
    await using home = openHome();
    const git = (...args: string[]): void =>
      void execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
        cwd: home.paths.desired,
        stdio: "ignore",
      });
    git("init", "-q", "-b", "one");
    for (const name of ["a", "b", "c"]) home.put(`jobs/${name}.yaml`, jobText(name));
    git("add", ".");
    git("commit", "-qm", "one");
    git("checkout", "-qb", "two");
    for (const name of ["a", "b"]) home.put(`jobs/${name}.yaml`, jobText(name, "other"));
    git("rm", "-q", "jobs/c.yaml");
    home.put("jobs/d.yaml", jobText("d"));
    git("add", ".");
    git("commit", "-qm", "two");
    home.loop.start();
    await until(() => home.names().join() === "a,b,d", "branch two is known");
    const uid = home.store.get({ kind: "Job", name: "a" })?.metadata.uid;
    git("checkout", "-q", "one");
    await until(() => home.names().join() === "a,b,c,d", "c is back");
    await until(
      () => home.store.get({ kind: "Job", name: "d" })?.metadata.deletionTimestamp !== undefined,
      "d is deleted",
    );
    const a = home.store.get({ kind: "Job", name: "a" });
    expect([a?.metadata.uid, a?.metadata.generation]).toEqual([uid, 2]);
    expect(a?.metadata.deletionTimestamp).toBeUndefined();
  });
});

test("F-30: a watcher that fails is reported and the loop goes on by reading", async () => {
  const clock = new FakeClock(new Date().toISOString());
  const watcher = Object.assign(new EventEmitter(), { close: () => Promise.resolve() });
  await using home = openHome({ clock, openWatcher: () => watcher });
  home.loop.start();
  await home.loop.rescan();
  expect(home.loop.degraded()).toBeUndefined();
  watcher.emit("error", Object.assign(new Error("no space left"), { code: "ENOSPC" }));
  expect(home.loop.degraded()).toContain("max_user_watches");
  home.put("x.yaml", jobText("x"));
  for (let round = 0; round < 40 && home.names().length === 0; round += 1) {
    await clock.advance(1000);
    await systemClock.sleep(5);
  }
  expect(home.names()).toEqual(["x"]);
});

describe("rescan without a daemon", () => {
  test("has the reading in force when it resolves, even for a file written just now", async () => {
    await using home = openHome();
    writeFileSync(join(home.paths.desired, "x.yaml"), jobText("x"));
    await home.loop.rescan();
    expect(home.names()).toEqual(["x"]);
  });

  test("a call made during a reading gets a later, whole one", async () => {
    await using home = openHome();
    const first = home.loop.rescan();
    home.put("x.yaml", jobText("x"));
    await Promise.all([first, home.loop.rescan(), home.loop.rescan()]);
    expect(home.names()).toEqual(["x"]);
  });

  test("a file with a mistake keeps the last good version in force and says where", async () => {
    await using home = openHome();
    const path = home.put("x.yaml", jobText("x"));
    await home.loop.rescan();
    writeFileSync(path, jobText("x").replace("image:", "imgae:"));
    age(path);
    await home.loop.rescan();
    expect(home.store.list("Job")[0]).toMatchObject({ metadata: { generation: 1 }, spec: { image: "busybox" } });
    expect(home.store.problems()[0]).toMatchObject({ file: path, line: 6, hint: expect.stringContaining("image") });
    expect(home.store.events.list({ name: "x" })[0]).toMatchObject({
      type: "Warning",
      message: expect.stringContaining(`${path}:6:`),
    });
  });
});
