import { existsSync } from "node:fs";
import { systemClock } from "../adapters/clock/system-clock.ts";
import type { Engine } from "../adapters/docker/connect.ts";
import { createImages } from "../adapters/docker/image.ts";
import { machineSize } from "../adapters/system/machine.ts";
import { createNetworkController } from "../controllers/network/controller.ts";
import { createPeerController } from "../controllers/peer/controller.ts";
import type { PeerSight } from "../controllers/peer/ports.ts";
import { drive } from "../reconciler/drive.ts";
import type { Crew } from "./crew.ts";
import { CrewSeat } from "./crew-seat.ts";
import { silenceLimits } from "./crew-view.ts";
import type { HomeServices } from "./home-services.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { MeshDoor } from "./mesh-door.ts";
import type { DaemonOptions } from "./run-daemon.ts";
import { packageVersion } from "./version.ts";
import type { Wiring } from "./wiring.ts";

export interface CrewGround {
  readonly wiring: Wiring;
  readonly engine: Engine;
}

/** The mesh of this machine and its seat in a crew, both with their controllers. To be called before the engine starts. */
export async function openCrew(
  services: HomeServices,
  ground: CrewGround,
  options: DaemonOptions,
): Promise<{ readonly mesh: MeshDoor; readonly seat: CrewSeat }> {
  const seat: CrewSeat = new CrewSeat(() => enterCrew(services, { ...ground, mesh }, options));
  const mesh: MeshDoor = new MeshDoor(() => openMesh(services, { wiring: ground.wiring, seat }, options));
  if (existsSync(services.paths.network)) await mesh.open();
  services.offerMesh(mesh);
  registerMesh(services, { wiring: ground.wiring, mesh, seat });
  return { mesh, seat };
}

async function openMesh(
  { paths, store, declared, config }: HomeServices,
  { wiring, seat }: { readonly wiring: Wiring; readonly seat: CrewSeat },
  { name, log }: DaemonOptions,
): Promise<Mesh> {
  const { Mesh } = await import("./mesh/mesh.ts");
  return new Mesh({
    ...{ paths, store, declared, log },
    clock: systemClock,
    random: Math.random,
    name: name ?? config.name,
    machine: machineSize(paths.root),
    gpus: () => wiring.gpus.seen().length,
    workerPort: config.workerPort,
    portMapping: config.portMapping,
    crew: () => seat.crew,
    wake: (network) => wiring.engine.enqueue({ kind: "Network", name: network }),
    resettle: () => seat.settle(),
  });
}

const nobody: PeerSight = { trust: { kind: "unmet" } };

/** Kinds whose truth is in the crew and the mesh; there also while this machine is in none. */
function registerMesh(
  { config }: HomeServices,
  { wiring, mesh, seat }: { readonly wiring: Wiring; readonly mesh: MeshDoor; readonly seat: CrewSeat },
): void {
  const { engine } = wiring;
  const look = (name: string): PeerSight => seat.crew?.look(name) ?? nobody;
  const peers = createPeerController({ look, silence: silenceLimits(config) });
  engine.register({ kind: "Peer", reconciler: drive(peers), workers: 2, resyncMs: 300_000 });
  const networks = createNetworkController(mesh.ports);
  engine.register({ kind: "Network", reconciler: drive(networks), workers: 1, resyncMs: 30_000 });
}

/** Without a network and without a group secret this machine is alone: nothing listens, nothing is sent, nothing of it is even loaded. */
async function enterCrew(
  services: HomeServices,
  own: CrewGround & { readonly mesh: MeshDoor },
  options: DaemonOptions,
): Promise<Crew | undefined> {
  const { config, paths, store, declared } = services;
  const crewMesh = own.mesh.mesh?.crewMesh;
  const groupSecret = crewMesh === undefined ? config.groupSecret : undefined;
  if (groupSecret === undefined && crewMesh === undefined) return undefined;
  const { createCrew } = await import("./crew.ts");
  const { createImageShare } = await import("../adapters/docker/image-share.ts");
  const { wiring, engine } = own;
  const common = { clock: systemClock, log: options.log };
  const images = createImageShare({
    ...{ engine, ...common, directory: paths.imagesOnTheirWay },
    images: createImages(engine, systemClock, options.log),
  });
  const crew = createCrew({
    ...{ paths, config, groupSecret, store, declared, wiring, images },
    ...(crewMesh === undefined ? {} : { mesh: crewMesh }),
    name: crewMesh?.name ?? options.name ?? config.name,
    version: packageVersion(),
    clock: systemClock,
    random: Math.random,
    log: options.log,
    signal: options.signal,
  });
  services.showLive((object) => crew.live(object));
  return crew;
}
