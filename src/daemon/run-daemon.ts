import { existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { setImmediate } from "node:timers/promises";
import { serveApi } from "../api/serve.ts";
import type { StatusReport } from "../api/ports.ts";
import { createAttemptFiles } from "../adapters/outputs/attempt-files.ts";
import { createCollector } from "../adapters/outputs/collector.ts";
import { createPublisher } from "../adapters/outputs/publisher.ts";
import { argvForScript } from "../adapters/project/interpreters.ts";
import { readFirstLine } from "../adapters/project/first-line.ts";
import { createProcessRuntime } from "../adapters/process/runtime.ts";
import { createProcessInventory } from "../adapters/process/survey.ts";
import { createEngine, findEngine, type Engine } from "../adapters/docker/connect.ts";
import { createDockerRuntime, type DockerRuntime } from "../adapters/docker/docker-runtime.ts";
import { createDockerInventory } from "../adapters/docker/survey.ts";
import { loadIdentity } from "../adapters/identity/identity-file.ts";
import { retireIdentity } from "../adapters/identity/spent-identity.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { readGpus } from "../adapters/system/gpus.ts";
import { machineSize } from "../adapters/system/machine.ts";
import { readConfig, type LegacyLimits } from "../adapters/files/config.ts";
import type { Logger } from "../reconciler/types.ts";
import type { Limits } from "../resources/limits.ts";
import { withoutUndefined } from "../resources/without-undefined.ts";
import type { CrewSeat } from "./crew-seat.ts";
import { openCrew } from "./open-crew.ts";
import { MachineGpus } from "./gpus.ts";
import { HeldUp } from "./held-up.ts";
import type { MeshDoor } from "./mesh-door.ts";
import { createLateExecutors } from "./remote/late-executors.ts";
import { openHome, type HomeServices } from "./home-services.ts";
import { reportStatus } from "./report.ts";
import { wire, type Wiring, type WiringPorts } from "./wiring.ts";

export interface DaemonOptions {
  readonly home: string;
  readonly name?: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onReady: (report: { readonly pid: number; readonly socket: string; readonly engine: string }) => void;
}

/**
 * One daemon for one home until the signal aborts. Order matters: the lock first, then the objects as the database knows
 * them, then one full reading of desired/, then the controllers, and the socket last: who connects finds it ready.
 */
export async function runDaemon(given: DaemonOptions, lock: Disposable): Promise<void> {
  // Whatever the end is, the one who asked or an error on the way up: everything hears of it.
  const ending = new AbortController();
  const options = { ...given, signal: AbortSignal.any([given.signal, ending.signal]) };
  const { log, signal } = options;
  const started: Started = {};
  const startedMs = systemClock.monotonicMs();
  const heldUp = new HeldUp(systemClock, log);
  const report = (services: HomeServices): Promise<StatusReport> =>
    reportStatus(services, {
      name: options.name ?? services.config.name,
      node: started.nodeId ?? "",
      uptimeSeconds: Math.round((systemClock.monotonicMs() - startedMs) / 1_000),
      ...(started.wiring === undefined ? {} : { wiring: started.wiring }),
      ...withoutUndefined({ heldUp: heldUp.warning() }),
      ...(started.seat?.crew === undefined ? {} : { crew: started.seat.crew }),
    });
  const services = openHome({ home: options.home, clock: systemClock, log, report, signal }, lock);
  try {
    rmSync(services.paths.goingDown, { force: true });
    const retired = retireIdentity(services.paths.identity);
    if (retired !== undefined)
      log.info("this machine has new keys, as the ones before have left a network", { retired });
    const identity = loadIdentity(services.paths.identity);
    started.nodeId = identity.nodeId;
    const engineAddress = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
    const ports = runtimesOf(services, { engine: engineAddress, nodeId: identity.nodeId }, log);
    started.docker = ports.runtimes.docker;
    const gpus = new MachineGpus({
      clock: systemClock,
      read: readGpus,
      onChange: () => started.wiring?.wakeWaiting(),
    });
    const wiring = wireHome(services, { ...ports, gpus, ...crewPorts(started, identity.nodeId) }, options);
    started.wiring = wiring;
    services.showPlacements({ preview: (job) => wiring.preview(job) });
    await services.loop.rescan();
    await adoptLegacyLimits(services, services.config.legacyLimits);
    const { mesh, seat } = await openCrew(services, { wiring, engine: engineAddress }, options);
    Object.assign(started, { mesh, seat });
    await seat.settle();
    await mesh.mesh?.ready();
    wiring.start();
    services.loop.start();
    void gpus.watch(signal);
    void heldUp.watch(signal);
    const server = await serveApi({ api: services.api, socketPath: services.paths.socket, signal, log });
    const { engine } = await report(services);
    log.info("ready", { pid: process.pid, socket: services.paths.socket, engine });
    options.onReady({ pid: process.pid, socket: services.paths.socket, engine });
    await aborted(signal);
    log.info("stopping; running jobs go on and are taken up again by the next `homie up`");
    await server.close();
  } finally {
    ending.abort();
    await closeAll(started, services);
  }
}

async function closeAll(started: Started, services: HomeServices): Promise<void> {
  await started.seat?.close();
  await started.mesh?.close();
  await started.wiring?.stop();
  if (isGoingDown(services.paths)) await started.mesh?.takeDown();
  await started.docker?.close();
  await services.close();
}

function runtimesOf(
  { paths, store }: HomeServices,
  { engine, nodeId }: { readonly engine: Engine; readonly nodeId: string },
  log: Logger,
): Pick<WiringPorts, "inventories"> & {
  readonly runtimes: WiringPorts["runtimes"] & { readonly docker: DockerRuntime };
} {
  const common = { paths, nodeId, clock: systemClock, log };
  const egress = (): "filtered" | "unfiltered" =>
    store.get<Limits>({ kind: "Limits", name: "default" })?.spec.egress ?? "filtered";
  return {
    runtimes: { docker: createDockerRuntime({ ...common, engine, egress }), process: createProcessRuntime(common) },
    inventories: {
      docker: createDockerInventory(engine, nodeId),
      process: createProcessInventory(paths, nodeId),
    },
  };
}

/** `homie down`, and not a restart: the next daemon goes on with a tunnel that is left. */
function isGoingDown({ goingDown }: HomeServices["paths"]): boolean {
  const isSo = existsSync(goingDown);
  rmSync(goingDown, { force: true });
  return isSo;
}

interface Started {
  wiring?: Wiring;
  nodeId?: string;
  seat?: CrewSeat;
  mesh?: MeshDoor;
  docker?: DockerRuntime;
}

/** Controllers are there before the crew is, and also without one. */
function crewPorts(started: Started, nodeId: string): Pick<WiringPorts, "nodeId" | "crew" | "executors" | "onFreed"> {
  return {
    nodeId,
    crew: () => started.seat?.crew?.placement,
    executors: createLateExecutors(() => started.seat?.crew?.executors, systemClock),
    onFreed: () => started.seat?.crew?.freed(),
  };
}

/** The original homie kept limits in config.yaml; they become the Limits resource where there is none yet. */
async function adoptLegacyLimits(services: HomeServices, legacy: LegacyLimits | undefined): Promise<void> {
  if (legacy === undefined || services.store.get({ kind: "Limits", name: "default" }) !== undefined) return;
  const manifest = { apiVersion: "homie.dev/v1", kind: "Limits", metadata: { name: "default" }, spec: legacy } as const;
  await services.declared.write(manifest, { mode: "create" });
}

function wireHome(
  services: HomeServices,
  executors: Pick<WiringPorts, "runtimes" | "inventories" | "gpus" | "nodeId" | "crew" | "executors" | "onFreed">,
  options: DaemonOptions,
): Wiring {
  const { paths, store, declared, database, config } = services;
  const { log, signal } = options;
  const node = options.name ?? config.name;
  return wire({
    store,
    declared,
    clock: systemClock,
    log,
    random: Math.random,
    breathe: () => setImmediate(),
    signal,
    node,
    machine: machineSize(paths.root),
    ...executors,
    collector: createCollector({ paths, log }),
    files: createAttemptFiles(paths),
    publisher: createPublisher({ paths, published: database.published, log }),
    scripts: { readFirstLine, argv: argvForScript },
    environments: () => {
      // Read anew each time: `homie env create` counts at once, without a restart.
      const { environments, defaultEnvironment } = readConfig(paths);
      return { images: environments, ...(defaultEnvironment === undefined ? {} : { byDefault: defaultEnvironment }) };
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
