import type Docker from "dockerode";
import { expect } from "vitest";
import type { Attempt } from "../../src/resources/attempt.ts";

/** The table of settings as podman repeats it; what it does not repeat is looked at from inside, by the other tests. */
export function expectPodmanTable(found: Docker.ContainerInspectInfo, { metadata, spec }: Attempt): void {
  const { Config: config, HostConfig: host, Mounts: mounts, NetworkSettings: network } = found;
  const volume = `homie-${metadata.name}`;
  expect([found.Path, ...found.Args]).toEqual(["/run/podman-init", "--", ...spec.argv]);
  expect(config).toMatchObject({ User: "65532:65532", WorkingDir: "/work/job", Hostname: "job", Tty: false });
  expect(config).toMatchObject({ OpenStdin: false, StopTimeout: 10, Healthcheck: { Test: ["NONE"] } });
  expect(config.Env).toEqual(expect.arrayContaining(["LD_PRELOAD=", "NVIDIA_VISIBLE_DEVICES=void"]));
  const { cpu, memoryBytes, pids, diskBytes } = spec.resources;
  expect(host).toMatchObject({
    Privileged: false,
    ReadonlyRootfs: true,
    CapAdd: [],
    NetworkMode: "none",
    PublishAllPorts: false,
    PidMode: "private",
    UTSMode: "private",
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: cpu * 1e9,
    CpuShares: 256,
    PidsLimit: pids,
    ShmSize: 67_108_864,
    OomScoreAdj: 500,
    OomKillDisable: false,
    Init: true,
    AutoRemove: false,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    PortBindings: {},
    Devices: [],
    ExtraHosts: [],
    GroupAdd: [],
  });
  expect(host.Ulimits).toEqual([
    { Name: "RLIMIT_NOFILE", Soft: 4096, Hard: 4096 },
    { Name: "RLIMIT_CORE", Soft: 0, Hard: 0 },
    { Name: "RLIMIT_FSIZE", Soft: diskBytes, Hard: diskBytes },
    { Name: "RLIMIT_NPROC", Soft: 32_768, Hard: 32_768 },
  ]);
  expect(host.SecurityOpt).toEqual(["no-new-privileges", expect.stringMatching(/^seccomp=\/.+\/run\/seccomp\.json$/)]);
  const tmpfs = host.Tmpfs as Readonly<Record<string, string>>;
  expect(Object.keys(tmpfs).toSorted()).toEqual(["/data", "/run", "/tmp", "/var/tmp"]);
  for (const path of ["/run", "/var/tmp"]) expect(tmpfs[path]).toMatch(/^ro,nosuid,nodev,noexec,size=4k/);
  // Nothing of the host: one volume, which nobody but homie made.
  expect(host.Binds).toEqual([expect.stringMatching(new RegExp(`^${volume}:/work:rw,.*nosuid,nodev`))]);
  expect(mounts.map(({ Type: type, Name: name, Destination: at }) => [type, name, at])).toEqual([
    ["volume", volume, "/work"],
  ]);
  expect(network.Networks).toEqual({});
}
