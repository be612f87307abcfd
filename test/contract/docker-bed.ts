import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createEngine, findEngine } from "../../src/adapters/docker/connect.ts";
import { createDockerRuntime } from "../../src/adapters/docker/docker-runtime.ts";
import type { DockerRuntime } from "../../src/adapters/docker/docker-runtime.ts";
import { homePaths } from "../../src/adapters/home.ts";
import type { TestEngine } from "../support/engine.ts";
import { whyNoEngine } from "../support/engine.ts";
import type { RuntimeBed } from "./runtime.contract.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface DockerBed extends RuntimeBed {
  readonly nodeId: string;
  /** `host` as DOCKER_HOST has it; the bed's engine when absent. */
  openDocker(host?: string): DockerRuntime;
  /** Volumes that were not there when the bed was made; those of other tests do not count. */
  newVolumes(): Promise<readonly string[]>;
}

/** A home of its own on an engine that several beds share: node labels keep them apart. */
export async function makeDockerBed(engine: TestEngine): Promise<DockerBed> {
  const root = await mkdtemp(join(tmpdir(), "homie-runtime-"));
  const nodeId = `node-${root.slice(-6)}`;
  const [home, scratch] = [join(root, "home"), join(root, "scratch")];
  await Promise.all([mkdir(home), mkdir(scratch)]);
  const volumes = async (): Promise<readonly string[]> =>
    ((await engine.docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name);
  const before = new Set(await volumes());
  function openDocker(host = engine.host): DockerRuntime {
    return createDockerRuntime({
      engine: createEngine(() => findEngine({ env: { DOCKER_HOST: host }, homeDirectory: home })),
      nodeId,
      paths: homePaths(home),
      clock: systemClock,
      log: quiet,
      // The rules of a filter are the whole machine's; sandbox/egress.test.ts has one of its own.
      egress: () => "unfiltered",
    });
  }
  return {
    paths: homePaths(home),
    scratch,
    nodeId,
    spec: { runtime: "docker", image: engine.image },
    openDocker,
    open() {
      const runtime = openDocker();
      return Promise.resolve({ runtime, close: () => runtime.close() });
    },
    newVolumes: async () => (await volumes()).filter((name) => !before.has(name)),
    async close(): Promise<void> {
      await removeLabelled(engine, `homie.node=${nodeId}`);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** By hand, so that a test of removal does not clean up with what it tests. */
async function removeLabelled({ docker }: TestEngine, label: string): Promise<void> {
  const filters = { label: [label] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  for (const { Name } of (await docker.listVolumes({ filters })).Volumes ?? []) await docker.getVolume(Name).remove();
}

/** True when the tests are to be left out; says so on stderr, and fails where everything has to run. */
export async function isEngineMissing(what: string): Promise<boolean> {
  const reason = await whyNoEngine();
  if (reason === undefined) return false;
  if (process.env["CI"] === "true") throw new Error(`${what}: no container engine: ${reason}`);
  process.stderr.write(`skipped: ${what}: no container engine: ${reason}\n`);
  return true;
}
