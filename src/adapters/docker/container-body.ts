import { posix } from "node:path";
import type { Attempt } from "../../resources/attempt.ts";
import type { NodeIdentity } from "./names.ts";
import { containerName, renderLabels } from "./names.ts";

/** What the engine and the image say, as far as it decides how the container is made. */
export interface BodyFacts {
  /** Resolved image id or digest: what runs is what was inspected. */
  readonly imageId: string;
  /** `Config.Volumes` of the image. */
  readonly imageVolumes: readonly string[];
  /** `Config.Env` of the image. */
  readonly imageEnv: readonly string[];
  readonly node: NodeIdentity;
  /** Profile as JSON text; the API takes the content, not a path. */
  readonly seccompProfile: string;
  readonly appArmor: boolean;
  /** The storage driver can limit the size of a container's own layer. */
  readonly layerQuota: boolean;
  /** The engine's network for a Job that may reach out. */
  readonly egressNetwork: string;
}

/** The create body as the engine's API spells it. */
export interface ContainerBody {
  readonly name: string;
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export const workVolume = "/work";
export const jobDirectory = "/work/job";
/** Never root, never the daemon's own user: the customary "nonroot" of minimal images. */
export const jobUser = 65532;

const mebibyte = 1024 * 1024;
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What the NVIDIA hook may hand out beside the devices, if the environment says so; an attempt gets none of it. */
const nvidiaExtras = /^NVIDIA_(?:MOFED|GDS|NVSWITCH|GDRCOPY|IMEX_CHANNELS|MIG_CONFIG_DEVICES|MIG_MONITOR_DEVICES)$/;

/**
 * The container an attempt runs in. No host path is mounted: files travel through the archive API into a volume of
 * the attempt's own. MaskedPaths and ReadonlyPaths are left out on purpose: naming them, even empty, unmasks /proc.
 */
export function renderContainerBody(attempt: Attempt, facts: BodyFacts): ContainerBody {
  const offline = attempt.spec.network === "none";
  return {
    name: containerName(attempt),
    Image: facts.imageId,
    User: `${jobUser}:${jobUser}`,
    Entrypoint: [],
    Cmd: [...attempt.spec.argv],
    WorkingDir: posix.join(jobDirectory, attempt.spec.workingDir).replace(/\/$/, ""),
    Env: renderEnv(attempt, facts.imageEnv),
    Hostname: "job",
    Domainname: "",
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: offline,
    ExposedPorts: {},
    Healthcheck: { Test: ["NONE"] },
    StopSignal: "SIGTERM",
    StopTimeout: 10,
    Labels: renderLabels(attempt, facts.node),
    HostConfig: renderHostConfig(attempt, facts),
  };
}

function renderHostConfig(attempt: Attempt, facts: BodyFacts): Readonly<Record<string, unknown>> {
  const { cpu, memoryBytes, diskBytes, pids } = attempt.spec.resources;
  const profiles = [`seccomp=${facts.seccompProfile}`, ...(facts.appArmor ? ["apparmor=docker-default"] : [])];
  return {
    ...renderNothingShared(),
    DeviceRequests: renderDeviceRequests(attempt),
    NetworkMode: attempt.spec.network === "none" ? "none" : facts.egressNetwork,
    SecurityOpt: ["no-new-privileges:true", ...profiles],
    Mounts: renderMounts(attempt, facts),
    // exec on purpose: numerical libraries map code they generate from here.
    Tmpfs: { "/tmp": "rw,exec,nosuid,nodev,size=256m,mode=1777" },
    Memory: Math.floor(memoryBytes),
    // Memory and swap together, so an equal figure means no swap.
    MemorySwap: Math.floor(memoryBytes),
    NanoCpus: Math.round(cpu * 1e9),
    // A quarter of the default weight: the owner's own programs win.
    CpuShares: 256,
    PidsLimit: pids,
    // No nproc: the kernel counts it per user id, across all containers of one engine.
    Ulimits: [ulimit("nofile", 4096), ulimit("core", 0), ulimit("fsize", Math.floor(diskBytes))],
    ...(facts.layerQuota ? { StorageOpt: { size: String(Math.floor(diskBytes)) } } : {}),
    ShmSize: 64 * mebibyte,
    OomScoreAdj: 500,
    OomKillDisable: false,
    Init: true,
    AutoRemove: false,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    LogConfig: {
      Type: "local",
      Config: { "max-size": "16m", "max-file": "4", mode: "non-blocking", "max-buffer-size": "4m" },
    },
  };
}

/** Everything that would tie the container to the host or to another container, spelled out as empty. */
function renderNothingShared(): Readonly<Record<string, unknown>> {
  return {
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    CapAdd: [],
    Binds: [],
    VolumesFrom: [],
    Links: [],
    Devices: [],
    DeviceCgroupRules: [],
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
  };
}

/** Devices by their ids: a number would give whichever are first. */
function renderDeviceRequests({ spec: { gpus } }: Attempt): readonly object[] {
  if (gpus === undefined || gpus.length === 0) return [];
  return [{ Driver: "nvidia", DeviceIDs: [...gpus], Capabilities: [["gpu", "compute", "utility"]] }];
}

/** The loader and the NVIDIA hook read these, the hook as root on the host, so neither image nor job may set them. */
function forcedEnv({ spec: { gpus = [] } }: Attempt): Readonly<Record<string, string>> {
  const loader = { LD_PRELOAD: "" };
  if (gpus.length === 0) return { ...loader, NVIDIA_VISIBLE_DEVICES: "void" };
  // The engine says the same to the hook; an engine whose default runtime is NVIDIA's goes by these alone.
  return { ...loader, NVIDIA_VISIBLE_DEVICES: gpus.join(","), NVIDIA_DRIVER_CAPABILITIES: "compute,utility" };
}

function renderMounts(attempt: Attempt, facts: BodyFacts): readonly object[] {
  const volume = {
    Type: "volume",
    Source: containerName(attempt),
    Target: workVolume,
    VolumeOptions: { NoCopy: true, Labels: renderLabels(attempt, facts.node) },
  };
  return [volume, ...planImageVolumes(facts.imageVolumes).map(renderTmpfsMount)];
}

/** An image's VOLUME would be writable disk without a limit, read-only root or not; a small tmpfs takes its place. */
function renderTmpfsMount(path: string): object {
  return { Type: "tmpfs", Target: path, TmpfsOptions: { SizeBytes: 64 * mebibyte, Mode: 0o1777 } };
}

export function planImageVolumes(paths: readonly string[]): readonly string[] {
  const clean = paths.map((path) => posix.resolve("/", path));
  const taken = new Set(["/", workVolume, "/tmp"]);
  return [...new Set(clean)].filter((path) => !taken.has(path)).toSorted();
}

function renderEnv(attempt: Attempt, imageEnv: readonly string[]): readonly string[] {
  const image = new Map(imageEnv.map(splitEnv));
  const env = new Map<string, string>([
    ["PATH", image.get("PATH") ?? defaultPath],
    ["HOME", "/tmp"],
  ]);
  // Other ways to have the loader run code; LD_LIBRARY_PATH stays, as CUDA images cannot do without it.
  for (const name of image.keys()) {
    const loads = name.startsWith("LD_") && name !== "LD_LIBRARY_PATH";
    if (loads || nvidiaExtras.test(name)) env.set(name, "");
  }
  for (const { name, value } of attempt.spec.env) env.set(name, value);
  for (const name of env.keys()) if (nvidiaExtras.test(name)) env.set(name, "");
  env.set("HOMIE_JOB", attempt.spec.job.name);
  env.set("HOMIE_ATTEMPT", String(attempt.spec.attempt));
  for (const [name, value] of Object.entries(forcedEnv(attempt))) env.set(name, value);
  return [...env].map(([name, value]) => `${name}=${value}`);
}

function splitEnv(entry: string): readonly [string, string] {
  const cut = entry.indexOf("=");
  return cut < 0 ? [entry, ""] : [entry.slice(0, cut), entry.slice(cut + 1)];
}

function ulimit(name: string, value: number): object {
  return { Name: name, Soft: value, Hard: value };
}
