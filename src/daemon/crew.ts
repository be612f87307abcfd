import type { ImageShare } from "../adapters/peers/image-port.ts";
import { createHostHandler } from "../adapters/peers/serve-host.ts";
import { freeDiskBytes } from "../adapters/system/machine.ts";
import type { Carrier } from "../adapters/tls/carrier.ts";
import type { Endpoint } from "../adapters/tls/endpoint.ts";
import type { LinkTable } from "../adapters/tls/link-table.ts";
import type { PeerSight } from "../controllers/peer/ports.ts";
import type { Executors } from "../controllers/remote/ports.ts";
import type { Job } from "../resources/job.ts";
import type { Peer } from "../resources/peer.ts";
import type { Resource } from "../resources/types.ts";
import type { Member } from "./crew-members.ts";
import { clocksOf, type PeerClock } from "./peer-clocks.ts";
import { CrewRuntime, type CrewOptions } from "./crew-runtime.ts";
import { createHostFiles } from "./host/host-files.ts";
import { watchPresence } from "./presence.ts";
import { Host } from "./host/host.ts";
import { keepHostHistory } from "./host/host-history.ts";
import { createJudge, rulesReader } from "./host/judge.ts";
import { isOnBattery, lendingTerms } from "./lending-terms.ts";
import type { PlacementCrew } from "./placement.ts";
import { PeerExecutors } from "./remote/executors.ts";
import type { Wiring } from "./wiring.ts";

/** The other machines as this one sees them. */
export interface Crew {
  /** Links to admitted peers, for gossip. */
  readonly transport: LinkTable;
  /** How one Peer stands. */
  readonly look: (peer: string) => PeerSight;
  /** Who belongs to the network has changed. */
  consult(): void;
  redial(node: string, endpoint: Endpoint): Promise<boolean>;
  /** A connection to this member for packets of the tunnel. Throws when there is none to be had. */
  openCarrier(endpoint: Endpoint, node: string): Promise<Carrier>;
  /** Everybody that was ever admitted, with the newest record of each. */
  readonly members: () => readonly Member[];
  readonly memberOf: (node: string) => Member | undefined;
  /** Tells everybody linked at once what this machine says of itself now. */
  announce(): void;
  /** A Peer with the figures of this moment, a Job with what is on its way; for readers. */
  readonly live: (object: Resource) => Resource;
  /** Whom the scheduler may choose from. */
  readonly placement: PlacementCrew;
  /** What runs on peers for this machine. */
  readonly executors: Executors;
  /** An attempt gave back what it held: the first in line here is invited, and everybody is told. */
  freed(): void;
  /** How far the wall clocks of linked peers are from this machine's. */
  readonly clocks: () => readonly PeerClock[];
  /** Who was turned away lately, in words. */
  readonly warnings: () => readonly string[];
  stop(): Promise<void>;
}

export type CrewSetting = Omit<
  CrewOptions,
  "engine" | "limits" | "allocated" | "terms" | "gpus" | "onRequest" | "onNews" | "onExpelled"
> & {
  readonly wiring: Wiring;
  readonly images?: ImageShare & { close(): Promise<void> };
};

/** Several changes of one moment are told of once. */
const gatherMs = 20;

/** Joins this machine to those that know the same group secret. To be called before the engine starts. */
export function createCrew(setting: CrewSetting): Crew {
  const { wiring, clock, log, images } = setting;
  const { engine, limits, allocated, gpus, placements } = wiring;
  const rules = rulesReader(setting.store);
  const ending = new AbortController();
  const presence = watchPresence(() => rules().idleSeconds !== undefined, clock);
  const wakeWaiting = gathered(() => wiring.wakeWaiting());
  const runtime: CrewRuntime = new CrewRuntime({
    ...setting,
    ...{ engine, limits, allocated, gpus },
    signal: AbortSignal.any([setting.signal, ending.signal]),
    terms: () => lendingTerms(limits(), rules(), { now: clock.now(), ...presence.now() }),
    onRequest: (node, incoming, outgoing) => handler(node, incoming, outgoing),
    onNews: (node) => {
      placements.heard(node);
      wakeWaiting();
    },
    onExpelled: (node) => {
      host.evict(node);
      executors.lose(node);
      wakeWaiting();
    },
  });
  const host = createHost(setting, runtime, { rules, presence });
  const handler = createHostHandler(host, log);
  const { own, keys, client } = runtime;
  const executors = new PeerExecutors({
    ...{ client, paths: setting.paths, clock, log, own, keys },
    wake: (name) => engine.enqueue({ kind: "Attempt", name }),
    ...(images === undefined ? {} : { images }),
  });
  const announce = gathered(() => runtime.announce());
  const past = keepHostHistory(setting.store);
  runtime.start();
  return {
    transport: runtime.table,
    look: (peer) => runtime.view.look(peer),
    consult: () => runtime.consult(),
    redial: (node, endpoint) => runtime.redial(node, endpoint),
    openCarrier: (endpoint, node) => runtime.openCarrier(endpoint, node),
    members: () => runtime.members.all(),
    memberOf: (node) => runtime.members.get(node),
    announce,
    live: (object) => withLiveParts(object, runtime, executors),
    placement: placementOf(runtime),
    executors,
    freed() {
      host.freed();
      announce();
    },
    clocks: () => clocksOf(runtime.members.all()),
    warnings: () => runtime.refusals.recent(),
    stop: () => stop({ ending, past, presence, executors, images, host, runtime }),
  };
}

interface Standing {
  readonly ending: AbortController;
  readonly past: Disposable;
  readonly presence: { close(): void };
  readonly executors: PeerExecutors;
  readonly images: CrewSetting["images"] | undefined;
  readonly host: Host;
  readonly runtime: CrewRuntime;
}

async function stop({ ending, past, presence, executors, images, host, runtime }: Standing): Promise<void> {
  ending.abort();
  past[Symbol.dispose]();
  presence.close();
  executors.close();
  await images?.close();
  host.close();
  await runtime.stop();
}

function placementOf({ client, own, keys, view }: CrewRuntime): PlacementCrew {
  return { client, own, keys, peers: () => view.facts(), nameOf: (peer) => view.nameOfPeer(peer) };
}

interface Owner {
  readonly rules: ReturnType<typeof rulesReader>;
  readonly presence: ReturnType<typeof watchPresence>;
}

function createHost(setting: CrewSetting, runtime: CrewRuntime, { rules, presence }: Owner): Host {
  const { wiring, store, clock, log, paths, images } = setting;
  const { limits, allocated, gpus } = wiring;
  const { own, keys } = runtime;
  const judge = createJudge({
    ...{ store, limits, allocated, rules, health: () => wiring.ready(), now: () => clock.now() },
    machine: () => ({ ...machineNow(paths.root), ...presence.now() }),
    gpus: () => gpus.lent(),
  });
  return new Host({
    ...{ store, clock, log, own, keys, judge, paths },
    nameOf: (node) => (runtime.members.isAdmitted(node) ? runtime.members.get(node)?.name : undefined),
    imagesByName: () => rules().images !== undefined,
    files: createHostFiles({ paths, ...(images === undefined ? {} : { images }) }),
  });
}

function machineNow(root: string): { readonly diskFreeBytes: number; readonly onBattery?: boolean } {
  const onBattery = isOnBattery();
  return { diskFreeBytes: freeDiskBytes(root), ...(onBattery === undefined ? {} : { onBattery }) };
}

function withLiveParts(object: Resource, runtime: CrewRuntime, executors: PeerExecutors): Resource {
  if (object.kind === "Peer") return runtime.view.withFigures(object as Peer);
  return object.kind === "Job" ? withTransfer(object as Job, executors) : object;
}

/** Moves all the time, and so is never stored. */
function withTransfer(job: Job, executors: PeerExecutors): Job {
  const { status, metadata } = job;
  const transfer =
    status?.attempt === undefined ? undefined : executors.transferOf(`${metadata.uid}-${status.attempt}`);
  return transfer === undefined ? job : { ...job, status: { ...status, transfer } };
}

function gathered(act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, gatherMs).unref();
  };
}
