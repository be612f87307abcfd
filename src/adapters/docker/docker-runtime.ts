import type { Runtime, RuntimeFacts } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import type { HomePaths } from "../home.ts";
import { spendMemory } from "../system/memory-thrift.ts";
import { createCaptures, type Captures } from "./captures.ts";
import type { Engine } from "./connect.ts";
import { createContainers, type Containers } from "./containers.ts";
import { createEgressFilter } from "../egress/filter.ts";
import { createDiskUse, type DiskUse } from "./disk-use.ts";
import { createEgressGuard, type EgressGuard } from "./egress-guard.ts";
import type { EgressMode } from "./egress-network.ts";
import { createEngineHealth, type EngineHealth } from "./health.ts";
import { createImages, type Images } from "./image.ts";
import { attemptName } from "./names.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import { createPrograms, type Programs } from "./programs.ts";
import { createSightings, type Sightings } from "./sightings.ts";
import { createStager, type Stager } from "./stage.ts";
import { watchContainers, type OnEvent } from "./watch.ts";
import { readWorkTree } from "./work-tree.ts";

export interface DockerRuntimeOptions {
  readonly engine: Engine;
  readonly nodeId: string;
  /** Name of the crew's Network, when there is one; put on what is made as a label. */
  readonly networkName?: string;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: Logger;
  /** Output kept of one attempt; the log writer's default when absent. */
  readonly maxLogBytes?: number;
  /** What Limits say at this moment; filtered when absent. */
  readonly egress?: () => EgressMode;
}

export interface DockerRuntime extends Runtime {
  readonly name: "docker";
  /** Closes the logs without ending them: the containers run on and the next daemon resumes. */
  close(): Promise<void>;
}

/** Runs attempts in hardened containers of a Docker-compatible engine. */
export function createDockerRuntime(options: DockerRuntimeOptions): DockerRuntime {
  const { engine, nodeId, clock, log } = options;
  const parts = createParts(options);
  const { containers, images, health, captures, egress, programs, stager, disk } = parts;
  // Look, then act: two callers that both saw `created` would start a quick program twice.
  const turns = createOneAtATime();
  const sightings = createSightings(clock);

  async function change<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    using _ = spendMemory();
    return await turns.run(attemptName(attempt), () => sightings.changing(attemptName(attempt), work));
  }

  const look = (attempt: Attempt): Promise<RuntimeFacts> =>
    sightings.look(attemptName(attempt), () => programs.inspect(attempt));

  async function follow(attempt: Attempt, begin: () => Promise<void>): Promise<void> {
    await begin();
    disk.follow(attempt);
    await egress.follow(attempt);
  }

  async function start(attempt: Attempt): Promise<void> {
    await egress.check(attempt);
    await programs.start(attempt);
  }

  async function stage(attempt: Attempt, signal: AbortSignal): Promise<{ readonly containerId: string }> {
    const { containerId, isNew } = await change(attempt, () => stager.stage(attempt, signal));
    const { specSha256 } = attempt.spec;
    if (isNew) sightings.saw(attemptName(attempt), { phase: "created", containerId, specSha256 });
    return { containerId };
  }

  return {
    name: "docker",
    health: () => health.check(),
    inspect: look,
    prepareImage({ spec }, signal) {
      const theirs = spec.hosted?.image;
      if (theirs === undefined) return images.prepare(spec.image, signal);
      return images.prepareExact(theirs.imageId, spec.image, signal);
    },
    stage,
    start: (attempt) => change(attempt, () => follow(attempt, () => start(attempt))),
    resumeCapture: (attempt) => change(attempt, () => follow(attempt, () => programs.resumeCapture(attempt))),
    capture: (attempt) => captures.facts(attempt),
    diskExcess: (attempt) => disk.excess(attempt),
    stop: (attempt, graceSeconds) =>
      sightings.changing(attemptName(attempt), () => programs.stop(attempt, graceSeconds)),
    readWorkTree: (attempt, signal) => readWorkTree({ containers, look: () => look(attempt) }, attempt, signal),
    remove: (attempt) => change(attempt, () => remove(parts, attempt)),
    list: () => containers.list(),
    watch: (onChange) =>
      join(
        watchContainers({ engine, nodeId, clock, log }, hearFirst(sightings, onChange)),
        sightings.listening(onChange),
        disk.listen(onChange),
        captures.listen(onChange),
      ),
    async close(): Promise<void> {
      await disk.close();
      await egress.close();
      await captures.leaveAll();
    },
  };
}

async function remove({ containers, captures, stager }: DockerParts, attempt: Attempt): Promise<void> {
  const made = stager.made(attempt);
  await (made === undefined ? containers.remove(attempt) : containers.removeMade(attempt, made));
  stager.forget(attempt);
  await captures.finish(attempt);
}

function createParts(options: DockerRuntimeOptions): DockerParts {
  const { engine, nodeId, paths, clock, log } = options;
  const node = { nodeId, ...(options.networkName === undefined ? {} : { networkName: options.networkName }) };
  const containers = createContainers(engine, nodeId);
  const images = createImages(engine, clock, log);
  const health = createEngineHealth(engine, clock);
  const captures = createCaptures(options);
  const mode = options.egress ?? ((): EgressMode => "filtered");
  const egress = createEgressGuard({ engine, containers, captures, filter: createEgressFilter(log), mode, clock, log });
  const programs = createPrograms({ engine, containers, captures, clock, log });
  const stager = createStager({ engine, containers, images, health, egress, node, paths });
  const disk = createDiskUse({ engine, captures, clock, log });
  return { containers, images, health, captures, egress, programs, stager, disk };
}

interface DockerParts {
  readonly containers: Containers;
  readonly images: Images;
  readonly health: EngineHealth;
  readonly captures: Captures;
  readonly egress: EgressGuard;
  readonly programs: Programs;
  readonly stager: Stager;
  readonly disk: DiskUse;
}

type OnChange = Parameters<Runtime["watch"]>[0];

/** Whoever looks because of an event must not be told what was so before it. */
function hearFirst(sightings: Sightings, onChange: OnChange): OnEvent {
  return (name, event) => {
    if (name !== undefined && event === "die") sightings.hasEnded(name);
    else sightings.forget(name);
    onChange(name);
  };
}

function join(...parts: readonly Disposable[]): Disposable {
  return {
    [Symbol.dispose](): void {
      for (const part of parts) part[Symbol.dispose]();
    },
  };
}
