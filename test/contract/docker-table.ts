import type Docker from "dockerode";
import { expect } from "vitest";
import type { Attempt } from "../../src/resources/attempt.ts";

type Settings = Readonly<Record<string, unknown>>;
const nothing = [
  "CapAdd",
  "Binds",
  "VolumesFrom",
  "Links",
  "Devices",
  "DeviceCgroupRules",
  "DeviceRequests",
  "GroupAdd",
  "ExtraHosts",
  "Dns",
  "DnsOptions",
  "DnsSearch",
] as const;

export interface Expected {
  /** Id of the image that the name in the Job stands for; the image has a VOLUME /data. */
  readonly imageId: string;
  readonly nodeId: string;
}

/** The table of settings of a Job without a network, field by field, as Docker repeats it. */
export function expectDockerTable(found: Docker.ContainerInspectInfo, attempt: Attempt, expected: Expected): void {
  expect(found.Image).toBe(expected.imageId);
  expectConfig(found.Config, attempt, expected.nodeId);
  expectHostConfig(found.HostConfig, attempt);
  expect(found.Mounts.map((mount) => [mount.Type, mount.Destination, mount.Name ?? ""].join(" ")).toSorted()).toEqual([
    "tmpfs /data ",
    `volume /work homie-${attempt.metadata.name}`,
  ]);
  // Engines differ in whether "none" is listed as a network.
  expect(Object.keys(found.NetworkSettings.Networks).filter((name) => name !== "none")).toEqual([]);
}

function expectConfig(config: Docker.ContainerInspectInfo["Config"], { spec }: Attempt, nodeId: string): void {
  expect(config).toMatchObject({
    User: "65532:65532",
    Entrypoint: [],
    Cmd: spec.argv,
    WorkingDir: "/work/job",
    Hostname: "job",
    Domainname: "",
    Tty: false,
    OpenStdin: false,
    AttachStdin: false,
    Healthcheck: { Test: ["NONE"] },
    StopSignal: "SIGTERM",
    StopTimeout: 10,
    NetworkDisabled: true,
  });
  expect(config.Env).toEqual(expect.arrayContaining(["LD_PRELOAD=", "NVIDIA_VISIBLE_DEVICES=void"]));
  expect(config.Labels).toMatchObject({
    "homie.managed": "true",
    "homie.node": nodeId,
    "homie.job": spec.job.name,
    "homie.attempt": "1",
    "homie.uid": spec.job.uid,
    "homie.spec-sha256": spec.specSha256,
    "homie.submitter": nodeId,
  });
}

function expectHostConfig(host: Docker.ContainerInspectInfo["HostConfig"], { spec }: Attempt): void {
  const { memoryBytes, diskBytes, cpu, pids } = spec.resources;
  expect(host).toMatchObject({
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    NetworkMode: "none",
    PublishAllPorts: false,
    IpcMode: "private",
    CgroupnsMode: "private",
    PidMode: "",
    UTSMode: "",
    UsernsMode: "",
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: cpu * 1e9,
    CpuShares: 256,
    PidsLimit: pids,
    ShmSize: 67_108_864,
    OomScoreAdj: 500,
    Init: true,
    AutoRemove: false,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    Tmpfs: { "/tmp": "rw,exec,nosuid,nodev,size=256m,mode=1777" },
    LogConfig: {
      Type: "local",
      Config: { "max-size": "16m", "max-file": "4", mode: "non-blocking", "max-buffer-size": "4m" },
    },
  });
  const settings = host as unknown as Settings;
  // The engine turns false into its default, absent.
  expect(settings["OomKillDisable"] ?? false).toBe(false);
  expect(host.Ulimits).toEqual([
    { Name: "nofile", Soft: 4096, Hard: 4096 },
    { Name: "core", Soft: 0, Hard: 0 },
    { Name: "fsize", Soft: diskBytes, Hard: diskBytes },
  ]);
  expect(host.SecurityOpt?.[0]).toBe("no-new-privileges:true");
  expect(host.SecurityOpt?.[1]).toMatch(/^seccomp=\{"defaultAction":"SCMP_ACT_ERRNO"/);
  for (const name of nothing) expect([name, settings[name] ?? []]).toEqual([name, []]);
  for (const name of ["PortBindings", "Sysctls"]) expect([name, settings[name] ?? {}]).toEqual([name, {}]);
  expect([settings["MaskedPaths"], settings["ReadonlyPaths"]]).toEqual([
    expect.arrayContaining(["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]),
    expect.arrayContaining(["/proc/sys", "/proc/sysrq-trigger", "/proc/bus"]),
  ]);
}
