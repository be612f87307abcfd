import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callApi } from "../../../src/daemon/bench/api.ts";
import { TestHome } from "../../support/cli.ts";
import { startForeground } from "../../support/foreground.ts";
import { commitSwap, git, nameOf, pathOf, upTo, watchJobs, writeJobs } from "../../support/many-files.ts";

// No engine is asked for anything here: the Jobs are suspended.
const env = { DOCKER_HOST: "unix:///nowhere" };
const patienceMs = 100_000;

describe("F-29: thousands of files", () => {
  let home: TestHome;
  let desired: string;
  beforeEach(() => {
    home = new TestHome(env);
    desired = join(home.home, "desired");
    mkdirSync(desired, { recursive: true, mode: 0o700 });
  });
  afterEach(() => home.close());
  const socket = (): string => join(home.home, "run", "homie.sock");

  it("git checkout swaps five thousand of ten thousand: each is changed once, none is lost", async () => {
    const swapped = new Set(upTo(5_000).map((index) => nameOf(index * 2)));
    writeJobs(desired, upTo(10_000), "first");
    commitSwap(
      desired,
      upTo(5_000).map((index) => index * 2),
      "second",
    );
    writeFileSync(join(home.home, "config.yaml"), "mirror_status: false\n");
    await using daemon = await startForeground(home.home, "true", env);
    const shown = await watchJobs(socket());
    try {
      await shown.until(
        10_000,
        ({ status, metadata }) => status?.observedGeneration === metadata.generation,
        patienceMs,
      );
      const before = new Map([...shown.jobs].map(([name, { metadata }]) => [name, metadata.uid]));
      git(desired, "checkout", "-q", "other");
      await shown.until(5_000, ({ status }) => status?.observedGeneration === 2, patienceMs);
      // Whatever was about to be deleted would be by now.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(new Map([...shown.jobs].map(([name, { metadata }]) => [name, metadata.uid]))).toEqual(before);
      const changed = [...shown.jobs.values()].filter(({ metadata }) => metadata.generation !== 1);
      expect(new Set(changed.map(({ metadata }) => metadata.name))).toEqual(swapped);
      expect(new Set(changed.map(({ metadata }) => metadata.generation))).toEqual(new Set([2]));
      const status = (await callApi(socket(), "GET", "/homie/v1/status")) as { readonly problems: unknown };
      expect(status.problems).toEqual(0);
      expect(daemon.rssMiB()).toBeLessThan(300);
    } finally {
      shown.close();
    }
  });

  it("status goes into all of two thousand with a few file descriptors, and no edit made meanwhile is lost", async () => {
    writeJobs(desired, upTo(2_000), "first");
    await using daemon = await startForeground(home.home, "ulimit -n 256", env);
    const shown = await watchJobs(socket());
    try {
      await shown.until(2_000, () => true, patienceMs);
      // While the first statuses are written.
      for (let part = 0; part < 10; part += 1) {
        const some = upTo(50).map((index) => index * 40 + part);
        writeJobs(desired, some, "second");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      const isEdited = (index: number): boolean => index % 40 < 10;
      const isDone = (index: number): boolean => {
        const text = readFileSync(join(desired, pathOf(index)), "utf8");
        return text.includes("\nstatus:") && text.includes(isEdited(index) ? "second" : "first");
      };
      await expect
        .poll(() => upTo(2_000).filter((index) => !isDone(index)), { timeout: patienceMs, interval: 500 })
        .toEqual([]);
      await shown.until(500, ({ spec }) => spec.command?.includes("second") === true, patienceMs);
      expect(daemon.said()).not.toMatch(/EMFILE|could not be written/);
    } finally {
      shown.close();
    }
  });
});
