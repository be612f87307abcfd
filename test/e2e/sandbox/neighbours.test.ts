import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { missingHardware } from "../../support/hardware.ts";
import { ECONNREFUSED, ENETUNREACH } from "../../support/sandbox-image.ts";
import { runProbes, SandboxBed, sh } from "./bed.ts";

const far = ["stream_internet", "stream_name_server", "stream_gateway", "stream_metadata", "stream_mesh"] as const;
const datagrams = ["datagram_broadcast", "datagram_multicast_dns", "datagram_name_server"] as const;
const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  network: sh(`ls /sys/class/net; wc -l </proc/net/route; ${runProbes([...far, "stream_own_loopback"])}`),
  names: sh(`${runProbes(datagrams)}; nslookup friend.example >/dev/null 2>&1 || echo no names`),
  detached: sh("(setsid sh -c '(sleep 1000 &) ; sleep 1000' >/dev/null 2>&1 &) ; echo gone"),
  mine: sh("for d in /tmp /work/job /dev/shm; do echo secret >$d/secret; done; echo written; sleep 600"),
  again: {
    ...sh(
      "ls -A /work/job /tmp /dev/shm; for d in /work/job /tmp /dev/shm; do echo old >$d/old; done; exit $((2 - HOMIE_ATTEMPT))",
    ),
    backoffLimit: 1,
  },
  killed: sh("(sleep 600 &); kill -9 -1; kill -9 $$"),
  exits137: sh("exit 137"),
  memory: sh("exec tail /dev/zero"),
};

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile Job can reach", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply(jobs);
  });
  afterAll(() => bed?.close());

  const codes = (lines: readonly string[]): readonly (readonly [string, number])[] =>
    lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]);

  it("S-27: there is no network but the job's own loopback, and no way to anywhere", async () => {
    const [device, routes, ...tried] = await bed.lines("network");
    // The heading alone.
    expect([device, routes]).toEqual(["lo", "1"]);
    expect(codes(tried)).toEqual([...far.map((name) => [name, ENETUNREACH]), ["stream_own_loopback", ECONNREFUSED]]);
  });

  it("S-28: no name is found, and neither broadcast nor multicast goes anywhere", async () => {
    const lines = await bed.lines("names");
    expect(codes(lines.slice(0, -1))).toEqual(datagrams.map((name) => [name, ENETUNREACH]));
    expect(lines.at(-1)).toBe("no names");
  });

  it("S-36: a process that detaches is dead with its container", async () => {
    expect(await bed.ended("detached")).toMatchObject({ phase: "Succeeded" });
    await expect.poll(() => bed.leftovers("detached"), { timeout: 20_000 }).toEqual([]);
  });

  it("S-37: a job sees nothing of another's files, memory and processes, and cannot end them", async () => {
    const uid = (await bed.running("mine")).Id;
    await expect
      .poll(async () => (await bed.get("/apis/homie.dev/v1/jobs/mine/log")).toString(), { timeout: 20_000 })
      .toContain("written");
    await bed.apply({ yours: sh("ls -A /tmp /work/job /dev/shm; ps | grep -c '[s]leep 600'; kill -9 -1; echo end") });
    expect(await bed.lines("yours")).toEqual(["/dev/shm:", "", "/tmp:", "", "/work/job:", "0", "end"]);
    const { Id: same, State: state } = await bed.running("mine");
    expect([same, state.Running]).toEqual([uid, true]);
  });

  it("S-38: a second attempt finds nothing of the first one, and neither leaves anything", async () => {
    expect(await bed.ended("again")).toMatchObject({ phase: "Succeeded", exitCode: 0 });
    for (const number of [1, 2]) {
      const log = await bed.get(`/apis/homie.dev/v1/jobs/again/log?stream=stdout&attempt=${number}`);
      expect(log.toString()).toBe("/dev/shm:\n\n/tmp:\n\n/work/job:\n");
    }
    await expect.poll(() => bed.leftovers("again"), { timeout: 60_000 }).toEqual([]);
  });

  it("S-41: a job with one GPU sees that one alone", async (context) => {
    const gpus = gpuIds();
    if (gpus.length === 0) return context.skip(missingHardware("no NVIDIA GPU"));
    await bed.apply({
      gpu: {
        ...sh("ls /dev | grep -c '^nvidia[0-9]'"),
        resources: { cpu: 0.1, memory: "64Mi", disk: "64Mi", gpu: { count: 1 } },
      },
    });
    expect(await bed.lines("gpu")).toEqual(["1"]);
  });

  it("S-42: a program that is killed inside, one that leaves with 137, and out of memory: what can be told apart is", async () => {
    // The container's init gives 137 in both cases; the message says so.
    for (const name of ["killed", "exits137"]) {
      expect(await bed.ended(name)).toMatchObject({ phase: "Failed", reason: "Error", exitCode: 137 });
      expect((await bed.ended(name)).message).toContain("which is also what SIGKILL leaves");
    }
    expect(await bed.ended("memory")).toMatchObject({ phase: "Failed", reason: "OutOfMemory", exitCode: 137 });
  });
});

function gpuIds(): readonly string[] {
  try {
    return execFileSync("nvidia-smi", ["--query-gpu=uuid", "--format=csv,noheader"], { encoding: "utf8" })
      .trim()
      .split("\n");
  } catch {
    return [];
  }
}
