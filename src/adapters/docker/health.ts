import type Docker from "dockerode";
import type { RuntimeHealth } from "../../controllers/attempt/ports.ts";
import type { Clock } from "../../reconciler/types.ts";
import type { Engine } from "./connect.ts";
import { engineMessage, translateEngineError } from "./engine-error.ts";
import { within } from "./within.ts";

/** The part of `GET /info` and `GET /version` that decides anything. */
export interface EngineReport {
  readonly engine: "docker" | "podman";
  readonly serverVersion: string;
  readonly apiVersion: string;
  readonly securityOptions: readonly string[];
  readonly storageDriver: string;
  readonly runcVersion: string | undefined;
  readonly osType: string;
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly pidsLimit: boolean;
  readonly cpuLimit: boolean;
  /** It knows NVIDIA's runtime, or GPUs that a CDI specification describes; others may be there that it does not tell of. */
  readonly gpus: boolean;
  /** A container sees its own control groups alone, and not their names on the host. */
  readonly ownCgroupView: boolean;
}

export interface EngineHealth {
  /** Never throws; cached for a second. */
  check(): Promise<RuntimeHealth>;
  /** What the last good report said; asks when there is none. Throws EngineUnavailable. */
  report(): Promise<EngineReport>;
}

const answerMs = 2_000;
const cacheMs = 1_000;
const oldestApi = [1, 41] as const;
/** Leaked file descriptors (CVE-2024-21626) end here; distributions back-port, so it is only a warning. */
const oldestRunc = [1, 1, 12] as const;

export function createEngineHealth(engine: Engine, clock: Clock): EngineHealth {
  let cached: { readonly untilMs: number; readonly health: Promise<RuntimeHealth> } | undefined;
  let lastReport: EngineReport | undefined;

  async function ask(): Promise<EngineReport> {
    lastReport = await askEngine(engine.docker());
    return lastReport;
  }

  async function check(): Promise<RuntimeHealth> {
    try {
      return judgeEngine(await ask());
    } catch (error) {
      const shown = shownAddress(engine);
      lastReport = undefined;
      engine.forget();
      return {
        ok: false,
        reason: "EngineUnavailable",
        message: `no container engine answers at ${shown}: ${engineMessage(error)}`,
        hint: "install or start Docker (or podman's socket), be allowed to use its socket, or set DOCKER_HOST",
      };
    }
  }

  return {
    async report(): Promise<EngineReport> {
      if (lastReport !== undefined) return lastReport;
      return ask().catch((error: unknown) => {
        throw translateEngineError(error, "EngineUnavailable", "cannot ask the engine what it can do");
      });
    },
    check(): Promise<RuntimeHealth> {
      const nowMs = clock.monotonicMs();
      if (cached === undefined || nowMs >= cached.untilMs) cached = { untilMs: nowMs + cacheMs, health: check() };
      return cached.health;
    },
  };
}

function shownAddress(engine: Engine): string {
  try {
    return engine.shown();
  } catch {
    // The address itself is what is wrong; the message beside this one says how.
    return "DOCKER_HOST";
  }
}

async function askEngine(docker: Docker): Promise<EngineReport> {
  const questions = docker as unknown as AbortableQuestions;
  const [info, version] = await within(answerMs, (abortSignal) =>
    Promise.all([questions.info({ abortSignal }), questions.version({ abortSignal })]),
  );
  const components = componentsOf(version);
  const isPodman = nameEngine(version) === "podman";
  return {
    engine: nameEngine(version),
    serverVersion: version.Version,
    apiVersion: version.ApiVersion,
    securityOptions: info.SecurityOptions ?? [],
    storageDriver: info.Driver ?? "",
    runcVersion: runcVersionOf(components),
    osType: info.OSType ?? "linux",
    memoryLimit: info.MemoryLimit ?? true,
    swapLimit: info.SwapLimit ?? true,
    pidsLimit: info.PidsLimit ?? true,
    cpuLimit: info.CpuCfsQuota ?? true,
    gpus: !isPodman && knowsGpus(info),
    ownCgroupView: !isPodman || info.CgroupVersion === "2",
  };
}

/** Podman answers on Docker's API, and says so only here. */
export function nameEngine(version: Docker.DockerVersion): EngineReport["engine"] {
  return componentsOf(version).some(({ Name }) => Name === "Podman Engine") ? "podman" : "docker";
}

function componentsOf({ Components: components }: Docker.DockerVersion): readonly Component[] {
  return (components ?? []) as unknown as readonly Component[];
}

interface Component {
  readonly Name: string;
  readonly Version: string;
}

/** Podman's says "runc version 1.1.5+ds1" and more lines of it, and may be about crun instead. */
function runcVersionOf(components: readonly Component[]): string | undefined {
  const said = components.find(({ Name }) => Name === "runc" || Name === "OCI Runtime (runc)")?.Version;
  return said?.split("\n")[0]?.replace(/^runc version /, "");
}

/** The client takes these options; its type declarations do not say so. */
interface AbortableQuestions {
  info(options: { readonly abortSignal: AbortSignal }): Promise<EngineInfo>;
  version(options: { readonly abortSignal: AbortSignal }): Promise<Docker.DockerVersion>;
}
interface EngineInfo {
  readonly SecurityOptions?: readonly string[];
  readonly Driver?: string;
  readonly OSType?: string;
  readonly MemoryLimit?: boolean;
  readonly SwapLimit?: boolean;
  readonly PidsLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly CgroupVersion?: string;
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
  /** From API 1.50 on. */
  readonly DiscoveredDevices?: readonly { readonly ID?: string }[] | null;
}

function knowsGpus({ Runtimes: runtimes, DiscoveredDevices: devices }: EngineInfo): boolean {
  if (Object.hasOwn(runtimes ?? {}, "nvidia")) return true;
  return (devices ?? []).some(({ ID: id }) => id?.startsWith("nvidia.com/gpu=") === true);
}

export function hasSecurityOption(report: EngineReport, name: string): boolean {
  return report.securityOptions.some((option) => option === `name=${name}` || option.startsWith(`name=${name},`));
}

/** Without seccomp the sandbox is not what homie promises, so that is an error and not a warning. */
export function judgeEngine(report: EngineReport): RuntimeHealth {
  const refusal = findRefusal(report);
  if (refusal !== undefined) return { ok: false, ...refusal };
  return { ok: true, engine: report.engine, version: report.serverVersion, warnings: listWarnings(report) };
}

function findRefusal(
  report: EngineReport,
): { readonly reason: string; readonly message: string; readonly hint: string } | undefined {
  if (isOlder(report.apiVersion, oldestApi)) {
    return {
      reason: "EngineTooOld",
      message: `the engine speaks API ${report.apiVersion}; ${oldestApi.join(".")} is needed`,
      hint: "update Docker to 20.10, or podman to 4.0, or newer",
    };
  }
  if (report.osType !== "linux") {
    return {
      reason: "EngineNotLinux",
      message: `the engine runs ${report.osType} containers`,
      hint: "switch Docker to Linux containers",
    };
  }
  if (!hasSecurityOption(report, "seccomp")) {
    return {
      reason: "SeccompMissing",
      message: "the engine runs containers without a seccomp filter",
      hint: "use a kernel and an engine with seccomp; `docker info` lists it under Security Options",
    };
  }
  return undefined;
}

function listWarnings(report: EngineReport): readonly string[] {
  const { runcVersion } = report;
  const lacking = [
    ...(report.memoryLimit ? [] : ["memory"]),
    ...(report.swapLimit ? [] : ["swap"]),
    ...(report.pidsLimit ? [] : ["process"]),
    ...(report.cpuLimit ? [] : ["CPU"]),
  ];
  return [
    ...(lacking.length === 0
      ? []
      : [`the kernel gives the engine no ${lacking.join(", ")} limits, so Jobs can exceed them`]),
    ...(hasSecurityOption(report, "apparmor")
      ? []
      : ["AppArmor is not in use; seccomp and dropped capabilities still are"]),
    ...(report.engine === "podman" ? podmanWarnings(report) : []),
    ...(runcVersion !== undefined && isOlder(runcVersion, oldestRunc)
      ? [`runc ${runcVersion} is older than ${oldestRunc.join(".")}; check that your distribution patched it`]
      : []),
    ...(hasSecurityOption(report, "rootless") ? ["the engine is rootless: stronger against a container escape"] : []),
    ...(hasSecurityOption(report, "userns") ? ["the engine remaps user ids: stronger against a container escape"] : []),
  ];
}

/** What Docker would do and podman does not; docs/engines.md has the list. */
function podmanWarnings(report: EngineReport): readonly string[] {
  return [
    "podman passes no GPUs on and cannot keep Jobs with a network apart: Jobs that ask for either are refused",
    ...(report.ownCgroupView ? [] : ["podman on cgroup v1 shows Jobs the names of their control groups on the host"]),
  ];
}

/** Compares leading numbers only: "1.1.5+ds1-1+deb12u1" is 1.1.5. What holds no number is not called old. */
function isOlder(version: string, minimum: readonly number[]): boolean {
  const parts = /^\d+(\.\d+)*/.exec(version)?.[0].split(".").map(Number);
  if (parts === undefined) return false;
  for (const [index, needed] of minimum.entries()) {
    const part = parts[index] ?? 0;
    if (part !== needed) return part < needed;
  }
  return false;
}
