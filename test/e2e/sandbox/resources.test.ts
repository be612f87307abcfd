import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { EMFILE } from "../../support/sandbox-image.ts";
import { runProbes, SandboxBed, sh } from "./bed.ts";

const tight = { cpu: 0.5, memory: "48Mi", disk: "512Mi" } as const;
const busyCores = 0.4;

const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  // 512 idle processes take 60 MiB of the kernel's memory: with the 64 MiB of the others, memory may end before processes do.
  forks: {
    ...sh("i=0; while [ $i -lt 700 ]; do sleep 30 & i=$((i+1)); done 2>&1 | tail -1; echo end"),
    resources: { cpu: 0.1, memory: "256Mi", disk: "64Mi" },
  },
  // `tail` keeps a line until it ends: memory without a file behind it.
  anonymous: { ...sh("exec tail /dev/zero"), resources: tight },
  shared: { ...sh("exec dd if=/dev/zero of=/dev/shm/x bs=1M count=192"), resources: tight },
  temporary: { ...sh("exec dd if=/dev/zero of=/tmp/x bs=1M count=192"), resources: tight },
  cached: { ...sh("dd if=/dev/zero of=x bs=1M count=192; cat x >/dev/null; rm x"), resources: tight },
  deaf: { ...sh("trap '' TERM; while :; do sleep 1; done"), timeoutSeconds: 2 },
  polite: { ...sh("trap 'echo asked; exit 0' TERM; while :; do sleep 0.1; done"), timeoutSeconds: 2 },
  bigfile: sh("dd if=/dev/zero of=big bs=1M count=100; exit 153"),
  manyfiles: sh("i=0; while :; do dd if=/dev/zero of=f$i bs=1M count=4 2>/dev/null; i=$((i+1)); done"),
  entries: {
    ...sh("mkdir d; cd d; seq 1 400000 | xargs touch; sleep 60"),
    resources: { cpu: 0.5, memory: "256Mi", disk: "2Gi" },
  },
  descriptors: sh(runProbes(["dup_without_end"])),
  core: sh("ulimit -c; ulimit -c unlimited 2>/dev/null || echo kept; sh -c 'kill -SEGV $$'; ls -A"),
  silent: sh("sleep 33; echo last words"),
};
const busy = {
  busy: {
    ...sh("i=0; while [ $i -lt 100 ]; do while :; do :; done & i=$((i+1)); done; wait"),
    resources: { cpu: busyCores, memory: "128Mi", disk: "64Mi" },
  },
};

const swapUsed = (): number => {
  const figure = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
  return figure("SwapTotal") - figure("SwapFree");
};

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile Job may use up", () => {
  let bed: SandboxBed;
  let swapBefore: number;
  beforeAll(async () => {
    swapBefore = swapUsed();
    bed = await SandboxBed.open();
    await bed.apply(jobs);
  });
  afterAll(() => bed?.close());

  it("S-16: a fork bomb stays in its limit, and the daemon answers", async () => {
    expect(await bed.ended("forks")).toMatchObject({ reason: "Completed", exitCode: 0 });
    expect(await bed.output("forks")).toMatch(/fork.*\nend/s);
    expect((await bed.job("forks")).metadata.name).toBe("forks");
  });

  it.each(["anonymous", "shared", "temporary"])("S-17: four times the memory, %s, is OutOfMemory", async (name) => {
    expect(await bed.ended(name)).toMatchObject({ phase: "Failed", reason: "OutOfMemory", exitCode: 137 });
    expect((await bed.ended(name)).message).toContain("48 MiB");
  });

  it("S-17: what files take of the page cache is given back instead, and nothing goes to the machine's swap", async () => {
    expect(await bed.ended("cached")).toMatchObject({ phase: "Succeeded" });
    // In KiB; other programs of the machine may move a little.
    expect(swapUsed() - swapBefore).toBeLessThan(16 * 1024);
  });

  it("S-18: a program that ignores SIGTERM is killed ten seconds later, for its timeout", async () => {
    expect(await bed.ended("deaf")).toMatchObject({ phase: "Failed", reason: "Timeout", exitCode: 137 });
    const { startedAt = "", finishedAt = "" } = (await bed.attempt("deaf")).status ?? {};
    const ranMs = Date.parse(finishedAt) - Date.parse(startedAt);
    expect(ranMs).toBeGreaterThan(10_000);
    expect(ranMs).toBeLessThanOrEqual(30_000);
  });

  it("S-18: one that listens may end by itself, and it is its timeout all the same", async () => {
    expect(await bed.ended("polite")).toMatchObject({ phase: "Failed", reason: "Timeout", exitCode: 0 });
    expect(await bed.lines("polite")).toEqual(["asked"]);
  });

  it("S-20: a file cannot grow past the disk limit", async () => {
    expect(await bed.ended("bigfile")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
  });

  it("S-21: many files cannot either", async () => {
    expect(await bed.ended("manyfiles")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
  });

  it("S-22: nor can a crowd of empty ones", async () => {
    expect(await bed.ended("entries")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
    await expect.poll(() => bed.leftovers("entries"), { timeout: 60_000 }).toEqual([]);
  });

  it("S-24: open files end at the job's own limit", async () => {
    expect(await bed.lines("descriptors")).toEqual([`dup_without_end ${EMFILE}`]);
  });

  it("S-25: no core is dumped, and the limit cannot be raised", async () => {
    expect(await bed.lines("core")).toEqual(["0", "kept"]);
  });

  it("what a program says after half a minute of silence is kept", async () => {
    expect(await bed.lines("silent")).toEqual(["last words"]);
  });

  it("S-19: a hundred busy processes get the processor time of the limit and no more", async () => {
    for (const name of Object.keys(jobs)) await bed.ended(name);
    await bed.apply(busy);
    const { Id: id } = await bed.running("busy");
    const used = async (): Promise<{ readonly at: number; readonly cpu: number }> => {
      const stats = await bed.engine.docker.getContainer(id).stats({ stream: false });
      return { at: Date.parse(stats.read), cpu: stats.cpu_stats.cpu_usage.total_usage / 1e6 };
    };
    await pause(2000);
    const first = await used();
    await pause(30_000);
    const last = await used();
    const cores = (last.cpu - first.cpu) / (last.at - first.at);
    expect(cores).toBeLessThanOrEqual(busyCores * 1.1);
    expect(cores).toBeGreaterThan(busyCores * 0.2);
  });
});
