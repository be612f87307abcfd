import { rmSync } from "node:fs";
import type { Engine } from "../../adapters/docker/connect.ts";
import { label } from "../../adapters/docker/names.ts";
import { HomieError } from "../../resources/errors.ts";
import { removeDemoImage, type DemoImage } from "./demo-image.ts";
import type { DemoMachine } from "./demo-machine.ts";

export interface DemoCrew {
  readonly alice: DemoMachine;
  readonly bob: DemoMachine;
}

export const demoJob = "hello";
/** Looks at bob's attempts; each takes about a tenth of a second. */
const mostLooks = 100;

/** Ends the job at both machines, then the machines, in an order in which nothing goes on alone. Never interrupted. */
export function endMachines({ alice, bob }: DemoCrew, shown: boolean): void {
  const isUp = (machine: DemoMachine): boolean => machine.settle(["status"]) !== undefined;
  const patience = shown ? [] : ["--ignore-not-found", "--timeout", "30s"];
  if (isUp(alice)) alice.settle(["delete", `job/${demoJob}`, ...patience], shown);
  if (isUp(bob)) for (let look = 0; look < mostLooks && hosts(bob); look += 1);
  const stuck = [alice, bob].filter((machine) => machine.settle(["down"], shown) === undefined);
  if (stuck.length === 0) return;
  const homes = stuck.map(({ home }) => home).join(" and ");
  throw new HomieError("ProcessFailed", `a daemon of the demo does not stop; its home is ${homes}`);
}

/** Whatever bob knows of the job goes with its container: then nothing of it is left on the engine. */
function hosts(bob: DemoMachine): boolean {
  return (bob.settle(["get", "attempts", "-o", "name"]) ?? "").trim() !== "";
}

/** What a daemon that was killed has left on the engine: containers and volumes of these two machines, and the image. */
export async function sweepEngine(
  engine: Engine,
  nodes: readonly string[],
  image: DemoImage | undefined,
): Promise<void> {
  const docker = engine.docker();
  for (const node of nodes) {
    const filters = { label: [`${label.node}=${node}`] };
    for (const { Id } of await docker.listContainers({ all: true, filters }))
      await docker.getContainer(Id).remove({ force: true });
    const { Volumes } = await docker.listVolumes({ filters });
    for (const { Name } of Volumes ?? []) await docker.getVolume(Name).remove();
  }
  if (image !== undefined) await removeDemoImage(engine, image);
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
