import { setTimeout } from "node:timers/promises";
import type Docker from "dockerode";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { Engine } from "./connect.ts";
import type { InspectedContainer } from "./container-facts.ts";
import { isOurs } from "./container-facts.ts";
import { hasJustEnded, isNotFound, statusOf, translateEngineError } from "./engine-error.ts";
import { containerName, label, parseContainerName } from "./names.ts";
import { answerMs, within } from "./within.ts";

const removeMs = 60_000;
/** How often a container that ends while it is looked at is looked at, and how long its end may take in between. */
const mostLooks = 5;
const endingMs = 50;

/** Looks at and removes containers and volumes of one node; never touches those of another. */
export interface Containers {
  handle(attempt: Attempt): Docker.Container;
  /** Undefined when there is none of that name, or it is not ours. */
  inspect(attempt: Attempt): Promise<InspectedContainer | undefined>;
  /** Throws ContainerCreateFailed when the name belongs to somebody else. */
  inspectOwned(attempt: Attempt): Promise<InspectedContainer | undefined>;
  /** Container and volume, running or not; nothing there is fine. */
  remove(attempt: Attempt): Promise<void>;
  /** The same, by somebody who has just looked. */
  clear(attempt: Attempt, found: InspectedContainer | undefined): Promise<void>;
  /** The same, of a container that this daemon made: whose it is need not be asked. */
  removeMade(attempt: Attempt, containerId: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

export function createContainers(engine: Engine, nodeId: string): Containers {
  const handle = (attempt: Attempt): Docker.Container => engine.docker().getContainer(containerName(attempt));

  async function lookUp(attempt: Attempt): Promise<InspectedContainer | undefined> {
    for (let look = 1; ; look += 1) {
      try {
        return await within(answerMs, (abortSignal) => handle(attempt).inspect({ abortSignal }));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        if (!hasJustEnded(error) || look >= mostLooks)
          throw translateEngineError(error, "EngineUnavailable", `cannot inspect ${containerName(attempt)}`);
        await setTimeout(endingMs);
      }
    }
  }

  async function inspect(attempt: Attempt): Promise<InspectedContainer | undefined> {
    const found = await lookUp(attempt);
    return found !== undefined && isOurs(found, nodeId) ? found : undefined;
  }

  async function inspectOwned(attempt: Attempt): Promise<InspectedContainer | undefined> {
    const found = await lookUp(attempt);
    if (found !== undefined && !isOurs(found, nodeId)) throw foreign("container", containerName(attempt));
    return found;
  }

  async function remove(attempt: Attempt): Promise<void> {
    await clear(attempt, await inspect(attempt));
  }

  async function clear(attempt: Attempt, found: InspectedContainer | undefined): Promise<void> {
    await removing(attempt, async (docker, name) => {
      if (found !== undefined) await removeContainer(docker.getContainer(found.Id));
      if (await isOwnVolume(docker.getVolume(name), name, nodeId)) await removeVolume(docker.getVolume(name));
    });
  }

  async function removeMade(attempt: Attempt, containerId: string): Promise<void> {
    await removing(attempt, async (docker, name) => {
      await removeContainer(docker.getContainer(containerId));
      await removeVolume(docker.getVolume(name));
    });
  }

  async function removing(attempt: Attempt, work: (docker: Docker, name: string) => Promise<void>): Promise<void> {
    try {
      await work(engine.docker(), containerName(attempt));
    } catch (error) {
      throw translateEngineError(error, "EngineUnavailable", `cannot remove ${containerName(attempt)}`);
    }
  }

  async function list(): Promise<readonly string[]> {
    const filters = { label: [`${label.node}=${nodeId}`] };
    try {
      const [containers, { Volumes: volumes }] = await Promise.all([
        within(answerMs, (abortSignal) => engine.docker().listContainers({ all: true, filters, abortSignal })),
        within(answerMs, (abortSignal) => engine.docker().listVolumes({ filters, abortSignal })),
      ]);
      const names = [...containers.flatMap(({ Names }) => Names), ...(volumes ?? []).map(({ Name }) => Name)];
      return [...new Set(names.map(parseContainerName).filter((name) => name !== undefined))].toSorted();
    } catch (error) {
      throw translateEngineError(error, "EngineUnavailable", "cannot list containers");
    }
  }

  return { handle, inspect, inspectOwned, remove, clear, removeMade, list };
}

async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    // `v` takes anonymous volumes along; ours has a name and is removed by it.
    await within(removeMs, (abortSignal) => container.remove({ force: true, v: true, abortSignal }));
  } catch (error) {
    if (isNotFound(error)) return;
    // 409: somebody else is removing it; it is gone when that ends.
    if (statusOf(error) !== 409) throw error;
    await within(removeMs, (abortSignal) => container.wait({ condition: "removed", abortSignal })).catch(
      (waiting: unknown) => {
        if (!isNotFound(waiting)) throw waiting;
      },
    );
  }
}

/** False when there is none. Throws when it is somebody else's. */
async function isOwnVolume(volume: Docker.Volume, name: string, nodeId: string): Promise<boolean> {
  try {
    const { Labels: labels } = await within(answerMs, () => volume.inspect());
    if (labels?.[label.node] !== nodeId) throw foreign("volume", name);
    return true;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return false;
  }
}

async function removeVolume(volume: Docker.Volume): Promise<void> {
  try {
    await within(removeMs, () => volume.remove());
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function foreign(what: string, name: string): HomieError {
  return new HomieError("ContainerCreateFailed", `the ${what} name ${name} is taken by another owner`, {
    hint: `look at it with \`docker inspect ${name}\` and remove it by hand if nobody needs it`,
  });
}
