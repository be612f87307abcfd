import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { EngineHouse } from "./engine-house.ts";

const execute = promisify(execFile);
const mirror = process.env["MIRROR"] ?? "http://deb.debian.org/debian";

export const example: string = fileURLToPath(new URL("../../../examples/ml-training", import.meta.url));
/** What a training leaves beside its sources. */
export const results: readonly string[] = ["model.pkl", "results.json", "training.log"];

/** Why the image of the example cannot be built here; undefined when it can. */
export async function whyNoTrainingImage(): Promise<string | undefined> {
  if (!existsSync("/usr/sbin/debootstrap"))
    return "debootstrap is missing; `node scripts/engine.ts install` installs it";
  const looked = await Promise.allSettled([
    execute("docker", ["--version"]),
    // As debootstrap will, proxies included.
    execute("wget", ["-q", "--spider", "--tries=3", "--timeout=20", `${mirror}/dists/bookworm/Release`]),
  ]);
  const failed = looked.find((each) => each.status === "rejected");
  return failed === undefined ? undefined : `the image needs docker and Debian's packages: ${String(failed.reason)}`;
}

/** About a minute. The house knows it as the environment `ml-demo`. */
export async function buildTrainingImage(house: EngineHouse): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: house.engine.host, MIRROR: mirror };
  await execute(join(example, "build-image.sh"), [], { env, maxBuffer: 64 * 2 ** 20 });
  await house.ok(["env", "create", "ml-demo", "--image", "homie-ml-demo:1"]);
}
