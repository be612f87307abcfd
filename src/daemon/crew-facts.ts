import type { PeerSight, SilenceLimits } from "../controllers/peer/ports.ts";
import { phaseOf } from "../controllers/peer/phase.ts";
import type { Peer } from "../resources/peer.ts";
import type { Allocated } from "../scheduler/admission.ts";
import type { EffectiveLimits } from "../scheduler/effective-limits.ts";
import { gpusLent, type OwnGpus } from "../scheduler/gpu-match.ts";
import { emptyHistory } from "../scheduler/history.ts";
import type { PeerFacts, PeerKnowledge } from "../scheduler/peer-facts.ts";
import { sanitizePeerFacts } from "../scheduler/sanitize-peer-facts.ts";
import type { LiveRecord } from "../trust/record.ts";
import { containerPlatform } from "./lending-terms.ts";

/** What the scheduler goes by for one peer: its own words, clamped, and what is known here. */
export function factsOfPeer(
  peer: Peer,
  sight: PeerSight,
  silence: SilenceLimits,
  record: LiveRecord | undefined,
): PeerFacts {
  const { metadata, spec } = peer;
  const known: PeerKnowledge = {
    node: sight.node ?? `unknown/${metadata.name}`,
    // What it calls itself, which belongs to its key; the object may be called after an address.
    name: sight.name ?? metadata.name,
    own: false,
    phase: phaseOf(sight, silence).phase,
    ...(sight.silentMs === undefined ? {} : { silentMs: sight.silentMs }),
    compatible: true,
    labels: { ...metadata.labels, ...spec.labels },
    cordoned: spec.cordoned === true,
    missingBytes: 0,
    ...(sight.figures?.rttMs === undefined ? {} : { rttMs: sight.figures.rttMs }),
    relayed: sight.path?.kind === "relay",
    history: emptyHistory,
  };
  return sanitizePeerFacts(record === undefined ? undefined : saidBy(record), known);
}

/** A record in the words of the scheduler. All of it is the peer's own claim. */
function saidBy(record: LiveRecord): Readonly<Record<string, unknown>> {
  const { allocatable, allocated, cpuCount, cpuUsedPercent, memoryFree, diskFree, lends = {} } = record;
  const free = (lent: number, held: number, left = Infinity): number => Math.max(0, Math.min(lent - held, left));
  const { platform, runtime, networks, peers, images, snoozedForMs, gpus: freeGpus, ...presence } = lends;
  const snoozed = typeof snoozedForMs === "number" && snoozedForMs > 0 && snoozedForMs < 2 ** 40;
  return {
    platform,
    runtime,
    machineCores: cpuCount,
    load: (cpuCount * cpuUsedPercent) / 100,
    cpu: { total: allocatable.cpu, free: free(allocatable.cpu, allocated.cpu) },
    memoryBytes: { total: allocatable.memory, free: free(allocatable.memory, allocated.memory, memoryFree) },
    diskBytes: { total: allocatable.disk, free: free(allocatable.disk, allocated.disk, diskFree) },
    jobs: { total: allocatable.jobs, free: free(allocatable.jobs, allocated.jobs) },
    ...gpusSaid(record, freeGpus),
    allow: { peers, images, networks },
    // A span, not a time: nobody's clock matters.
    ...(snoozed ? { snoozedUntil: new Date(Date.now() + snoozedForMs).toISOString() } : {}),
    quiet: presence["quiet"],
    onBattery: presence["onBattery"],
    takesWorkOnBattery: presence["takesWorkOnBattery"],
    onlyWhenIdle: presence["onlyWhenIdle"],
    idle: presence["idle"],
  };
}

/** `free`: indexes of those that no attempt holds. Who does not say has a version that lends none. */
function gpusSaid({ gpus, allocatable, allocated }: LiveRecord, free: unknown): Readonly<Record<string, unknown>> {
  if (!Array.isArray(free)) return { gpus: [] };
  const indexes = new Set<unknown>(free.slice(0, gpus.length));
  return {
    gpus: gpus.map(({ model, memoryTotal }, index) => ({ model, memoryBytes: memoryTotal, free: indexes.has(index) })),
    gpusLent: { total: allocatable.gpus, free: Math.max(0, allocatable.gpus - allocated.gpus) },
  };
}

export interface SelfSight {
  readonly node: string;
  readonly name: string;
  readonly limits: EffectiveLimits;
  readonly allocated: Allocated;
  readonly cpuCount: number;
  readonly gpus: OwnGpus;
}

/** This machine as a candidate for its own Jobs. */
export function factsOfSelf({ node, name, limits, allocated, cpuCount, gpus }: SelfSight): PeerFacts {
  const { allocatable, runtime, snoozedUntil } = limits;
  const supply = (total: number, held: number): { total: number; free: number } => ({
    total,
    free: Math.max(0, total - held),
  });
  return {
    ...{ node, name, own: true, phase: "Online", compatible: true, labels: {}, cordoned: false, relayed: false },
    ...{ missingBytes: 0, history: emptyHistory, platform: containerPlatform(), machineCores: cpuCount, load: 0 },
    cpu: supply(allocatable.cpu, allocated.cpu),
    memoryBytes: supply(allocatable.memoryBytes, allocated.memoryBytes),
    diskBytes: supply(allocatable.diskBytes, allocated.diskBytes),
    jobs: supply(allocatable.jobs, allocated.jobs),
    gpus: gpus.devices,
    gpusLent: gpusLent(gpus),
    allow: { networks: ["none", "egress"] },
    ...(snoozedUntil === undefined ? {} : { snoozedUntilMs: Date.parse(snoozedUntil) }),
    ...{ quiet: false, onBattery: false, takesWorkOnBattery: true, idle: true, onlyWhenIdle: false, runtime },
  };
}
