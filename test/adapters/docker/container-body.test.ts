import { describe, expect, it } from "vitest";
import type { BodyFacts } from "../../../src/adapters/docker/container-body.ts";
import { planImageVolumes, renderContainerBody } from "../../../src/adapters/docker/container-body.ts";
import { makeAttempt } from "../../contract/attempt-fixture.ts";

const uid = "0192d3a4-0000-7000-8000-000000000001";
const specSha256 = "5".repeat(64);
const imageId = `sha256:${"a".repeat(64)}`;

function factsOf(more: Partial<BodyFacts> = {}): BodyFacts {
  return {
    imageId,
    imageVolumes: [],
    imageEnv: [],
    node: { nodeId: "node-1" },
    seccompProfile: "{}",
    appArmor: false,
    layerQuota: false,
    egressNetwork: "homie-filtered",
    ...more,
  };
}

const attempt = makeAttempt({
  job: { name: "train", uid, generation: 3 },
  attempt: 2,
  specSha256,
  argv: ["python", "train.py", "--epochs", "3"],
  env: [{ name: "SEED", value: "42" }],
  workingDir: "src/deep",
  resources: { cpu: 1.5, memoryBytes: 512 * 1024 * 1024, diskBytes: 10 * 1024 ** 3, pids: 512 },
});

describe("the create body", () => {
  it("is exactly this", () => {
    const labels = {
      "homie.managed": "true",
      "homie.network": "friends",
      "homie.node": "node-1",
      "homie.job": "train",
      "homie.attempt": "2",
      "homie.uid": uid,
      "homie.spec-sha256": specSha256,
      "homie.submitter": "node-1",
    };
    const node = { nodeId: "node-1", networkName: "friends" };
    expect(renderContainerBody(attempt, factsOf({ node, appArmor: true, imageVolumes: ["/data"] }))).toEqual({
      name: `homie-${uid}-2`,
      Image: imageId,
      User: "65532:65532",
      Entrypoint: [],
      Cmd: ["python", "train.py", "--epochs", "3"],
      WorkingDir: "/work/job/src/deep",
      Env: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/tmp",
        "SEED=42",
        "HOMIE_JOB=train",
        "HOMIE_ATTEMPT=2",
        "LD_PRELOAD=",
        "NVIDIA_VISIBLE_DEVICES=void",
      ],
      Hostname: "job",
      Domainname: "",
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      NetworkDisabled: true,
      ExposedPorts: {},
      Healthcheck: { Test: ["NONE"] },
      StopSignal: "SIGTERM",
      StopTimeout: 10,
      Labels: labels,
      HostConfig: {
        Privileged: false,
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: [],
        Binds: [],
        VolumesFrom: [],
        Links: [],
        Devices: [],
        DeviceCgroupRules: [],
        DeviceRequests: [],
        GroupAdd: [],
        ExtraHosts: [],
        Dns: [],
        DnsOptions: [],
        DnsSearch: [],
        PortBindings: {},
        PublishAllPorts: false,
        Sysctls: {},
        IpcMode: "private",
        CgroupnsMode: "private",
        PidMode: "",
        UTSMode: "",
        UsernsMode: "",
        NetworkMode: "none",
        SecurityOpt: ["no-new-privileges:true", "seccomp={}", "apparmor=docker-default"],
        Mounts: [
          {
            Type: "volume",
            Source: `homie-${uid}-2`,
            Target: "/work",
            VolumeOptions: { NoCopy: true, Labels: labels },
          },
          { Type: "tmpfs", Target: "/data", TmpfsOptions: { SizeBytes: 67_108_864, Mode: 0o1777 } },
        ],
        Tmpfs: { "/tmp": "rw,exec,nosuid,nodev,size=256m,mode=1777" },
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        NanoCpus: 1_500_000_000,
        CpuShares: 256,
        PidsLimit: 512,
        Ulimits: [
          { Name: "nofile", Soft: 4096, Hard: 4096 },
          { Name: "core", Soft: 0, Hard: 0 },
          { Name: "fsize", Soft: 10_737_418_240, Hard: 10_737_418_240 },
        ],
        ShmSize: 67_108_864,
        OomScoreAdj: 500,
        OomKillDisable: false,
        Init: true,
        AutoRemove: false,
        RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
        LogConfig: {
          Type: "local",
          Config: { "max-size": "16m", "max-file": "4", mode: "non-blocking", "max-buffer-size": "4m" },
        },
      },
    });
  });

  it("does not name the masked paths, which would unmask them", () => {
    const { HostConfig: host } = renderContainerBody(attempt, factsOf());
    expect(Object.keys(host)).not.toContain("MaskedPaths");
    expect(Object.keys(host)).not.toContain("ReadonlyPaths");
  });

  it("joins homie's own bridge only for a Job that may reach out", () => {
    const outgoing = { ...attempt, spec: { ...attempt.spec, network: "egress" as const } };
    const body = renderContainerBody(outgoing, factsOf());
    expect([body["NetworkDisabled"], body.HostConfig["NetworkMode"]]).toEqual([false, "homie-filtered"]);
  });

  it("names AppArmor and a layer size only where the engine has them", () => {
    const plain = renderContainerBody(attempt, factsOf()).HostConfig;
    expect(plain["SecurityOpt"]).toEqual(["no-new-privileges:true", "seccomp={}"]);
    expect(plain["StorageOpt"]).toBeUndefined();
    expect(renderContainerBody(attempt, factsOf({ layerQuota: true })).HostConfig["StorageOpt"]).toEqual({
      size: "10737418240",
    });
  });

  it.each([
    ["the image's search path is used", ["PATH=/opt/conda/bin:/bin"], [], "PATH=/opt/conda/bin:/bin"],
    ["the Job's search path wins", ["PATH=/opt/conda/bin"], [{ name: "PATH", value: "/mine" }], "PATH=/mine"],
    ["an image cannot preload code", ["LD_PRELOAD=/x.so"], [], "LD_PRELOAD="],
    [
      "a Job cannot preload code either, as a root hook of the host reads it",
      [],
      [{ name: "LD_PRELOAD", value: "/work/x.so" }],
      "LD_PRELOAD=",
    ],
    ["an image cannot have the loader audit", ["LD_AUDIT=/x.so"], [], "LD_AUDIT="],
    ["an image cannot ask for GPUs", ["NVIDIA_VISIBLE_DEVICES=all"], [], "NVIDIA_VISIBLE_DEVICES=void"],
    [
      "a Job cannot ask for GPUs by environment",
      [],
      [{ name: "NVIDIA_VISIBLE_DEVICES", value: "all" }],
      "NVIDIA_VISIBLE_DEVICES=void",
    ],
    ["a Job cannot pass for another", [], [{ name: "HOMIE_JOB", value: "other" }], "HOMIE_JOB=train"],
    [
      "the last of two equal names counts",
      [],
      [
        { name: "A", value: "1" },
        { name: "A", value: "2" },
      ],
      "A=2",
    ],
  ])("environment: %s", (_, imageEnv, env, expected) => {
    const body = renderContainerBody({ ...attempt, spec: { ...attempt.spec, env } }, factsOf({ imageEnv }));
    const name = expected.slice(0, expected.indexOf("=") + 1);
    expect(body.Env.filter((entry) => entry.startsWith(name))).toEqual([expected]);
  });

  describe("of an attempt with GPUs", () => {
    const gpus = ["GPU-a", "GPU-b"];
    const lucky = { ...attempt, spec: { ...attempt.spec, gpus } };

    it("asks for exactly these devices, and says so on the container", () => {
      const { HostConfig: host, Labels: labels } = renderContainerBody(lucky, factsOf());
      const capabilities = [["gpu", "compute", "utility"]];
      expect(host["DeviceRequests"]).toEqual([{ Driver: "nvidia", DeviceIDs: gpus, Capabilities: capabilities }]);
      expect(labels["homie.gpus"]).toBe("GPU-a,GPU-b");
    });

    it("differs from any other only in that", () => {
      const plain = renderContainerBody(attempt, factsOf());
      const body = renderContainerBody(lucky, factsOf());
      const strip = ({ Env: _env, Labels: _labels, HostConfig: host, ...rest }: typeof body): object => {
        const { DeviceRequests: _requests, Mounts: _mounts, ...others } = host;
        return { ...rest, others };
      };
      expect(strip(body)).toEqual(strip(plain));
      expect(body.HostConfig).toMatchObject({
        Devices: [],
        DeviceCgroupRules: [],
        Privileged: false,
        CapDrop: ["ALL"],
      });
    });

    it.each([
      ["all devices", "NVIDIA_VISIBLE_DEVICES", "all", "GPU-a,GPU-b"],
      ["all capabilities of the driver", "NVIDIA_DRIVER_CAPABILITIES", "all", "compute,utility"],
      ["code in the hook", "LD_PRELOAD", "/x.so", ""],
      ["network cards", "NVIDIA_MOFED", "enabled", ""],
      ["memory of other machines", "NVIDIA_IMEX_CHANNELS", "0", ""],
    ])("neither image nor Job gets %s by environment", (_what, name, value, expected) => {
      const entries = [`${name}=${value}`];
      const byImage = renderContainerBody(lucky, factsOf({ imageEnv: entries }));
      const byJob = renderContainerBody({ ...lucky, spec: { ...lucky.spec, env: [{ name, value }] } }, factsOf());
      for (const { Env: env } of [byImage, byJob])
        expect(env.filter((entry) => entry.startsWith(`${name}=`))).toEqual([`${name}=${expected}`]);
    });
  });

  it("covers every volume of an image but those it mounts itself", () => {
    expect(
      planImageVolumes(["/data", "/data/", "/work", "/tmp", "/", "/work/job/cache", "/a/../b", "relative"]),
    ).toEqual(["/b", "/data", "/relative", "/work/job/cache"]);
  });
});
