import type { EngineHealth } from "../../adapters/docker/health.ts";
import { readGpus, type SeenGpu } from "../../adapters/system/gpus.ts";
import { type Check, ok, warn } from "./check.ts";
import { ask, find } from "./tools.ts";

export interface GpuFindings {
  /** Undefined: the driver did not answer. */
  readonly gpus: readonly SeenGpu[] | undefined;
  /** Whether the engine can pass them on; undefined: no engine answers. */
  readonly engine: boolean | undefined;
  /** First line of `nvidia-ctk --version`. */
  readonly toolkit: string | undefined;
}

/** Older ones run code of an image as root on the host (CVE-2025-23266). */
const oldestToolkit = [1, 17, 8] as const;
const install = "install nvidia-container-toolkit 1.17.8 or newer";

/** GPUs, and whether jobs in containers can have them. Nothing where there are none. */
export async function checkGpus(health: EngineHealth): Promise<readonly Check[]> {
  const gpus = await readGpus();
  if (gpus?.length === 0) return [];
  const report = (await health.check()).ok ? await health.report() : undefined;
  // The engine's own GPU driver needs this program and says nowhere that it found it.
  const hasHook = find("nvidia-container-runtime-hook") !== undefined;
  const engine = report === undefined ? undefined : report.gpus || hasHook;
  return judgeGpus({ gpus, engine, toolkit: await ask("nvidia-ctk", ["--version"]) });
}

export function judgeGpus({ gpus, engine, toolkit }: GpuFindings): readonly Check[] {
  if (gpus === undefined) return [warn("gpu", "nvidia-smi does not answer", "no GPU is lent until it does")];
  if (gpus.length === 0) return [];
  const models = gpus.map(({ model }) => model).join(", ");
  if (engine === undefined) return [ok("gpu", `${models}; without an engine, for jobs without containers only`)];
  if (!engine) {
    const configure = "run `nvidia-ctk runtime configure --runtime=docker` and restart Docker";
    const hint = `${install} and ${configure}; or lend none: gpus: 0 in Limits`;
    return [warn("gpu", `${models}; the engine cannot pass it on, jobs that ask for it fail to start`, hint)];
  }
  if (isOld(toolkit)) {
    const message = `${models}; "${toolkit}" lets images run code as root here (CVE-2025-23266)`;
    return [warn("gpu", message, install)];
  }
  return [ok("gpu", models)];
}

function isOld(toolkit: string | undefined): boolean {
  const version = /(\d+)\.(\d+)\.(\d+)/
    .exec(toolkit ?? "")
    ?.slice(1)
    .map(Number);
  if (version === undefined) return false;
  for (const [index, least] of oldestToolkit.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
