import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DockerRuntime } from "../../src/adapters/docker/docker-runtime.ts";
import type { Attempt, AttemptSpec } from "../../src/resources/attempt.ts";
import { makeAttempt, shell } from "../contract/attempt-fixture.ts";
import type { DockerBed } from "../contract/docker-bed.ts";
import { isEngineMissing, makeDockerBed } from "../contract/docker-bed.ts";
import { readLog, until } from "../contract/observe.ts";
import { expectDockerTable } from "../contract/docker-table.ts";
import { expectPodmanTable } from "../contract/podman-table.ts";
import type { Probe } from "../contract/syscall-probe.ts";
import { renderProbe } from "../contract/syscall-probe.ts";
import type { TestEngine } from "../support/engine.ts";
import { importImage, startEngine } from "../support/engine.ts";

/** Everything an image can do to get code, disk or a name past the person who runs it. */
const hostileImage = "homie-test/hostile:1";
const hostileChanges = [
  "USER root",
  "WORKDIR /proc/self/fd/8",
  'ENTRYPOINT ["/bin/echo","hostile"]',
  "VOLUME /data /tmp /work",
  "ENV LD_PRELOAD=/x.so NVIDIA_VISIBLE_DEVICES=all",
  "HEALTHCHECK --interval=1s CMD touch /work/job/checked",
  "EXPOSE 80",
];
const [EPERM, ENOSYS] = [1, 38];
const newUser = 0x10000000n;

/** System call numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl); `exits` is the errno. */
const probes: Readonly<Record<string, Probe & { readonly exits: number }>> = {
  io_uring_setup: { number: 425, exits: EPERM },
  userfaultfd: { number: 323, exits: EPERM },
  keyctl: { number: 250, exits: EPERM },
  add_key: { number: 248, exits: EPERM },
  request_key: { number: 249, exits: EPERM },
  perf_event_open: { number: 298, exits: EPERM },
  bpf: { number: 321, exits: EPERM },
  unshare_user: { number: 272, args: [newUser], exits: EPERM },
  clone_user: { number: 56, args: [newUser | 17n], exits: EPERM },
  clone3: { number: 435, exits: ENOSYS },
  setns: { number: 308, exits: EPERM },
  mount: { number: 165, exits: EPERM },
  umount2: { number: 166, exits: EPERM },
  pivot_root: { number: 155, exits: EPERM },
  kexec_load: { number: 246, exits: EPERM },
  init_module: { number: 175, exits: EPERM },
  open_by_handle_at: { number: 304, exits: EPERM },
  socket_alg: { number: 41, args: [38n, 5n], exits: EPERM },
  socket_vsock: { number: 41, args: [40n, 1n], exits: EPERM },
  socket_packet: { number: 41, args: [17n, 3n], exits: EPERM },
  // The kernel reads 32 bits of the family, a filter 64: the upper half must not be a way around.
  socket_alg_disguised: { number: 41, args: [0x1_0000_0026n, 5n], exits: EPERM },
  socketcall: { number: 102, compat: true, exits: EPERM },
  // What every program does still works; the result is a descriptor and not an error.
  socket_inet: { number: 41, args: [2n, 1n], exits: 256 - 3 },
  getuid_fails_not: { number: 39, exits: -1 },
};

describe.skipIf(await isEngineMissing("the sandbox"))("the sandbox", () => {
  let engine: TestEngine;
  let bed: DockerBed;
  let runtime: DockerRuntime;
  const signal = (): AbortSignal => AbortSignal.timeout(60_000);

  beforeAll(async () => {
    engine = await startEngine();
    await importImage(engine.docker, hostileImage, hostileChanges);
  });
  afterAll(async () => {
    try {
      await engine.docker.getImage(hostileImage).remove();
    } finally {
      await engine.stop();
    }
  });
  beforeEach(async () => {
    bed = await makeDockerBed(engine);
    runtime = bed.openDocker();
  });
  afterEach(async () => {
    await runtime.close();
    await bed.close();
    expect(await bed.newVolumes()).toEqual([]);
  });

  const attemptOf = (more: Partial<AttemptSpec>): Attempt => makeAttempt({ ...bed.spec, image: hostileImage, ...more });
  const inspect = (attempt: Attempt): Promise<Docker.ContainerInspectInfo> =>
    engine.docker.getContainer(`homie-${attempt.metadata.name}`).inspect();
  async function begin(attempt: Attempt): Promise<void> {
    await runtime.stage(attempt, signal());
    await runtime.start(attempt);
  }
  async function outputOf(attempt: Attempt): Promise<string> {
    await begin(attempt);
    await until(
      () => runtime.capture(attempt).phase === "complete",
      () => runtime.capture(attempt).phase,
    );
    const log = await readLog(bed.paths, attempt);
    return log.stdout.toString() + log.stderr.toString();
  }

  it("is on the live container what the table of settings says", async () => {
    const attempt = attemptOf({ argv: shell("echo ready; sleep 60") });
    await begin(attempt);
    if (engine.kind === "podman") return expectPodmanTable(await inspect(attempt), attempt);
    const { Id: imageId } = await engine.docker.getImage(hostileImage).inspect();
    expectDockerTable(await inspect(attempt), attempt, { imageId, nodeId: bed.nodeId });
  });

  it("gives the program no privilege, no host and no way to write outside its places", async () => {
    const program = `
      id -u; pwd; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; ls /sys/class/net
      for place in / /etc /usr /bin /work /dev/x /proc/sys/kernel/hostname /sys/x; do (echo x > $place/x) 2>/dev/null && echo "wrote $place"; done
      for place in /tmp /data /work/job /dev/shm; do (echo x > $place/x) || echo "cannot write $place"; done
      printf '#!/bin/sh\\necho exec' > /tmp/s && chmod 755 /tmp/s && /tmp/s
      dd if=/dev/zero of=/data/big bs=1M count=65 2>/dev/null || echo "data is full"
      ls /var/run/docker.sock 2>/dev/null; env | grep -E 'LD_PRELOAD|NVIDIA|HOME='; mknod /tmp/mem c 1 1 2>/dev/null || echo no device`;
    const lines = (await outputOf(attemptOf({ argv: shell(program) })))
      .trim()
      .split("\n")
      .map((line) => line.replace(/\s+/g, " "));
    expect(lines.toSorted()).toEqual(
      [
        "65532",
        "/work/job",
        "CapBnd: 0000000000000000",
        "CapEff: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "lo",
        "exec",
        "data is full",
        "HOME=/tmp",
        "LD_PRELOAD=",
        "NVIDIA_VISIBLE_DEVICES=void",
        "no device",
      ].toSorted(),
    );
  });

  it("never runs the image's health check", async () => {
    const output = await outputOf(attemptOf({ argv: shell("sleep 2.5; ls") }));
    expect(output).toBe("");
  });

  it("ends a file at the disk limit", async () => {
    const attempt = attemptOf({
      argv: shell("dd if=/dev/zero of=big bs=1M count=8 2>/dev/null; echo $?; wc -c < big"),
    });
    const small = {
      ...attempt,
      spec: { ...attempt.spec, resources: { ...attempt.spec.resources, diskBytes: 4 * 1024 * 1024 } },
    };
    const [code, bytes] = (await outputOf(small)).trim().split("\n").slice(-2);
    expect(code).not.toBe("0");
    expect(Number(bytes)).toBeLessThanOrEqual(4 * 1024 * 1024);
  });

  it("limits processes", async () => {
    const attempt = attemptOf({ argv: shell("i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all") });
    expect(await outputOf(attempt)).not.toContain("all");
  });

  it.runIf(process.arch === "x64")("refuses the system calls that Jobs have no use for", async () => {
    const project = join(bed.scratch, "probes");
    await mkdir(project);
    for (const [name, probe] of Object.entries(probes)) {
      await writeFile(join(project, name), renderProbe(probe));
      await chmod(join(project, name), 0o755);
    }
    const sources = { projectPath: project, exclude: [], files: [] };
    const output = await outputOf(attemptOf({ sources, argv: shell('for p in *; do "./$p"; echo "$p $?"; done') }));
    const exits = Object.fromEntries(
      output
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    const { getuid_fails_not: works, ...refused } = exits;
    expect(Number(works)).toBeGreaterThan(128);
    expect(refused).toEqual(
      Object.fromEntries(
        Object.entries(probes)
          .filter(([, { exits: code }]) => code >= 0)
          .map(([name, { exits: code }]) => [name, String(code)]),
      ),
    );
  });

  it("puts a Job that may reach out on a bridge of homie's own", async () => {
    const attempt = attemptOf({ network: "egress", argv: shell("ls /sys/class/net") });
    // Podman passes over what keeps Jobs on a bridge apart, so there is none.
    if (engine.kind === "podman") {
      await expect(begin(attempt)).rejects.toMatchObject({ code: "EngineUnable" });
      expect((await engine.docker.listNetworks()).map(({ Name }) => Name)).not.toContain("homie-egress");
      return;
    }
    expect((await outputOf(attempt)).trim().split("\n")).toEqual(["eth0", "lo"]);
    const { NetworkSettings: settings } = await inspect(attempt);
    expect(Object.keys(settings.Networks)).toEqual(["homie-egress"]);
    const network = await engine.docker.getNetwork("homie-egress").inspect();
    expect(network.Options).toEqual({ "com.docker.network.bridge.enable_icc": "false" });
  });
});
