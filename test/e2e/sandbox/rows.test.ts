import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import {
  EACCES,
  EAFNOSUPPORT,
  EINVAL,
  EMFILE,
  ENETUNREACH,
  ENOSYS,
  EPERM,
  probes,
  worked,
} from "../../support/sandbox-image.ts";
import { runProbes, SandboxBed, sh } from "./bed.ts";

/** What each hostile Job runs; all of them side by side under one daemon. */
const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  user: sh("id -u; /bin/setuid-geteuid; echo $?; grep NoNewPrivs /proc/self/status"),
  volume: sh("dd if=/dev/zero of=/data/x bs=1M count=200 2>/dev/null; echo $?; df -m /data | tail -1"),
  image: sh("sleep 3; ls; pwd; echo [$LD_PRELOAD][$NVIDIA_VISIBLE_DEVICES]; ls /dev | grep -c nvidia"),
  capabilities: sh("grep ^Cap /proc/self/status"),
  calls: sh(runProbes(Object.keys(probes).filter((name) => !/^(geteuid|dup_|make_|datagram)/.test(name)))),
  kernel: sh(
    "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/uevent_helper /sys/fs/cgroup/release_agent; do (echo x >$f) 2>/dev/null && echo wrote $f; done; echo end",
  ),
  masked: sh(
    "for f in /proc/kcore /proc/keys /proc/timer_list; do head -c 1 $f 2>/dev/null | wc -c; done; ls /sys/firmware 2>/dev/null | wc -l",
  ),
  host: sh("find / -xdev -name '*.sock' 2>/dev/null; cat /proc/self/mountinfo"),
  // 512 idle processes take 60 MiB of the kernel's memory: with the 64 MiB of the others, memory may end before processes do.
  forks: {
    ...sh("i=0; while [ $i -lt 700 ]; do sleep 30 & i=$((i+1)); done 2>&1 | tail -1; echo end"),
    resources: { cpu: 0.1, memory: "256Mi", disk: "64Mi" },
  },
  silent: sh("sleep 33; echo last words"),
  bigfile: sh("dd if=/dev/zero of=big bs=1M count=100; exit 153"),
  manyfiles: sh("i=0; while :; do dd if=/dev/zero of=f$i bs=1M count=4 2>/dev/null; i=$((i+1)); done"),
  entries: {
    ...sh("mkdir d; cd d; seq 1 400000 | xargs touch; sleep 60"),
    resources: { cpu: 0.5, memory: "256Mi", disk: "2Gi" },
  },
  readonly: sh("for f in /x /etc/x /usr/x /bin/x; do (echo x >$f) 2>/dev/null && echo wrote $f; done; ulimit -c"),
  network: sh(
    `ls /sys/class/net; ${runProbes(["datagram_broadcast", "datagram_multicast_dns", "datagram_name_server"])}`,
  ),
  descriptors: sh(runProbes(["dup_without_end"])),
  flood: sh("head -c 200000000 /dev/zero; exit 7"),
  links: {
    ...sh(
      "ln -s /etc/passwd passwd; ln -s ../../.. up; ln -s loop loop; mkfifo pipe; echo fine >fine; echo x >'a:b'; chmod 4755 fine",
    ),
    outputs: [{ paths: ["**"], when: "Always" }],
  },
  detached: sh("(setsid sleep 1000 >/dev/null 2>&1 &) ; echo gone"),
  mine: sh("echo secret >/tmp/secret; echo secret >secret; sleep 2"),
  yours: sh("ls /tmp /work/job /dev/shm; ls /proc | grep -c '^[0-9]'"),
  frames: sh("printf '\\000\\000\\000\\001{\"stdoutBytes\":0}\\n'; printf 'status:\\n  phase: Failed\\n'"),
  killed: sh("kill -9 $$"),
};

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile job tries on a real engine", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply(jobs);
  });
  afterAll(() => bed?.close());

  it("S-02: root in the image and a set-user-id program give no root", async () => {
    // The program's exit code is 256 minus its effective user id, modulo 256: 4 for 65532, 0 for root.
    expect(await bed.lines("user")).toEqual(["65532", "4", "NoNewPrivs:\t1"]);
  });

  it("S-03: a volume of the image is a small tmpfs, and nothing of it stays", async () => {
    const [code, df] = await bed.lines("volume");
    expect(Number(code)).not.toBe(0);
    expect(Number(df?.split(/\s+/)[1])).toBeLessThanOrEqual(64);
    await expect.poll(() => bed.leftovers("volume"), { timeout: 20_000 }).toEqual([]);
  });

  it("S-04 to S-07: health check, entrypoint, working directory and environment of the image count for nothing", async () => {
    expect(await bed.lines("image")).toEqual(["/work/job", "[][void]", "0"]);
  });

  it("S-08: no capability is left in any set", async () => {
    const lines = await bed.lines("capabilities");
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line).toMatch(/^Cap\w+:\s0{16}$/);
  });

  it("S-09 to S-11, S-14, S-26: mounting, name spaces, keys, BPF, devices and odd sockets are refused, each", async () => {
    const results = (await bed.lines("calls")).map((line) => line.split(" "));
    expect(results.length).toBeGreaterThan(25);
    const refusals = new Set([EPERM, EACCES, EINVAL, ENOSYS, EAFNOSUPPORT]);
    expect(results.filter(([, code]) => Number(code) === worked || !refusals.has(Number(code)))).toEqual([]);
  });

  it("S-12: the kernel's settings cannot be written", async () => {
    expect(await bed.lines("kernel")).toEqual(["end"]);
  });

  it("S-13: what tells of the kernel is masked", async () => {
    expect(await bed.lines("masked")).toEqual(["0", "0", "0", "0"]);
  });

  it("S-15: no socket and no path of the host can be seen", async () => {
    const output = await bed.output("host");
    expect(output).not.toContain(bed.home.home);
    expect(output).not.toMatch(/docker\.sock|homie\.sock/);
  });

  it("S-16: a fork bomb stays in its limit, and the daemon answers", async () => {
    expect(await bed.ended("forks")).toMatchObject({ reason: "Completed", exitCode: 0 });
    expect(await bed.output("forks")).toMatch(/fork.*\nend/s);
    expect((await bed.job("forks")).metadata.name).toBe("forks");
  });

  it("what a program says after half a minute of silence is kept", async () => {
    expect(await bed.lines("silent")).toEqual(["last words"]);
  });

  it("S-20: a file cannot grow past the disk limit", async () => {
    expect(await bed.ended("bigfile")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
  });

  it("S-21: many files cannot either", async () => {
    expect(await bed.ended("manyfiles")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
  });

  it("S-22: nor can a crowd of empty ones", async () => {
    expect(await bed.ended("entries")).toMatchObject({ phase: "Failed", reason: "DiskFull" });
  });

  it("S-23, S-25: nothing outside its places can be written, and no core is dumped", async () => {
    expect(await bed.lines("readonly")).toEqual(["0"]);
  });

  it("S-24: open files end at the job's own limit", async () => {
    expect(await bed.lines("descriptors")).toEqual([`dup_without_end ${EMFILE}`]);
  });

  it("S-27, S-28: there is no network but the job's own loopback", async () => {
    const [devices, ...sent] = await bed.lines("network");
    expect(devices).toBe("lo");
    expect(sent.map((line) => Number(line.split(" ")[1]))).toEqual([ENETUNREACH, ENETUNREACH, ENETUNREACH]);
  });

  it("S-30: a flood of output is cut, counted and said, and the exit code is right", async () => {
    expect(await bed.ended("flood")).toMatchObject({ reason: "Error", exitCode: 7 });
    const logs = (await bed.attempt("flood")).status?.logs;
    expect(logs?.droppedBytes).toBeGreaterThan(0);
    expect((await bed.get("/apis/homie.dev/v1/jobs/flood/log?stream=stdout")).length).toBeLessThanOrEqual(64 * 2 ** 20);
  });

  it("S-31 to S-33: links, pipes and names that two systems read differently do not come home; the rest does, without its mode", async () => {
    expect(await bed.ended("links")).toMatchObject({ phase: "Succeeded" });
    expect(readdirSync(bed.results("links")).filter((name) => !name.startsWith("."))).toEqual(["fine"]);
    expect(readFileSync(bed.results("links", "fine"), "utf8")).toBe("fine\n");
    expect(lstatSync(bed.results("links", "fine")).mode & 0o7000).toBe(0);
    const skipped = (await bed.attempt("links")).status?.skippedOutputs
      ?.map(({ path }) => path)
      .toSorted((a, b) => a.localeCompare(b));
    expect(skipped).toEqual(expect.arrayContaining(["loop", "passwd", "pipe", "up"]));
  });

  it("S-36: a process that detaches is dead with its container", async () => {
    expect(await bed.ended("detached")).toMatchObject({ phase: "Succeeded" });
    await expect.poll(() => bed.leftovers("detached"), { timeout: 20_000 }).toEqual([]);
  });

  it("S-37, S-38: jobs see neither each other's files nor processes", async () => {
    const output = await bed.output("yours");
    expect(output).not.toContain("secret");
    expect(Number(output.trim().split("\n").at(-1))).toBeLessThan(8);
  });

  it("S-40: printing what homie itself prints changes nothing", async () => {
    expect(await bed.ended("frames")).toMatchObject({ phase: "Succeeded", exitCode: 0 });
    expect(await bed.output("frames")).toContain("phase: Failed");
  });

  it("S-42: a program killed inside its container is a failure with 128 + 9, not out of memory", async () => {
    expect(await bed.ended("killed")).toMatchObject({ phase: "Failed", exitCode: 137 });
    expect((await bed.ended("killed")).reason).not.toBe("OutOfMemory");
  });
});
