import fc from "fast-check";
import type { Job } from "../../src/resources/job.ts";
import { emptyHistory } from "../../src/scheduler/history.ts";
import type { PeerFacts } from "../../src/scheduler/peer-facts.ts";
import { placementRequest } from "../../src/scheduler/placement-request.ts";
import type { PlacementRequest, RequestFacts } from "../../src/scheduler/placement-request.ts";

export const gibibyte = 2 ** 30;
export const nowMs = Date.parse("2026-11-22T21:00:00Z");
export const uid = "01930000-0000-7000-8000-000000000001";

/** A friend's machine that takes anything: 8 cores, 16 GiB, 500 GiB, idle, near, nothing missing. */
export function peerOf(name: string, facts: Partial<PeerFacts> = {}): PeerFacts {
  return {
    node: `node-${name}`,
    name,
    own: false,
    phase: "Online",
    compatible: true,
    labels: {},
    cordoned: false,
    missingBytes: 0,
    rttMs: 0,
    relayed: false,
    history: emptyHistory,
    platform: "linux/amd64",
    machineCores: 8,
    load: 0,
    cpu: { total: 8, free: 8 },
    memoryBytes: { total: 16 * gibibyte, free: 16 * gibibyte },
    diskBytes: { total: 500 * gibibyte, free: 500 * gibibyte },
    jobs: { total: Infinity, free: Infinity },
    gpus: [],
    allow: { networks: ["none"] },
    quiet: false,
    onBattery: false,
    takesWorkOnBattery: false,
    idle: true,
    onlyWhenIdle: false,
    runtime: "docker",
    ...facts,
  };
}

/** Two cores, 4 GiB and 10 GiB, from alice. */
export function requestOf(spec: Partial<Job["spec"]> = {}, facts: Partial<RequestFacts> = {}): PlacementRequest {
  const resources = { cpu: 2, memory: "4Gi", disk: "10Gi" };
  return placementRequest({ command: ["true"], resources, ...spec }, { uid, submitter: "alice", ...facts });
}

const supply = (largest: number): fc.Arbitrary<PeerFacts["cpu"]> =>
  fc
    .record({ total: fc.integer({ min: 0, max: largest }), share: fc.integer({ min: 0, max: 4 }) })
    .map(({ total, share }) => ({ total, free: (total * share) / 4 }));
const rarely = fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0);

const anyPeer: fc.Arbitrary<PeerFacts> = fc
  .record({
    phase: fc.constantFrom<PeerFacts["phase"][]>("Online", "Online", "Online", "Suspect", "Offline", "Revoked"),
    own: rarely,
    cordoned: rarely,
    missingBytes: fc.constantFrom(0, 0, 2 ** 20, 2 ** 33),
    bytesPerSecond: fc.constantFrom(1e5, 1e7, 1e9),
    rttMs: fc.constantFrom(0, 5, 300),
    relayed: rarely,
    machineCores: fc.constantFrom(2, 8, 32),
    load: fc.integer({ min: 0, max: 8 }),
    cpu: supply(32),
    memoryBytes: supply(64 * gibibyte),
    diskBytes: supply(500 * gibibyte),
    gpus: fc.array(
      fc.record({
        model: fc.constantFrom("RTX 3080", "A100"),
        memoryBytes: fc.constantFrom(10 * gibibyte, 80 * gibibyte),
        free: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    onBattery: rarely,
    takesWorkOnBattery: fc.boolean(),
    history: fc.record({
      succeeded: fc.integer({ min: 0, max: 9 }),
      failed: fc.integer({ min: 0, max: 9 }),
      asOfMs: fc.constantFrom(nowMs, nowMs - 7 * 86_400_000, nowMs + 86_400_000),
      recentFailuresMs: fc.constant([]),
      quarantines: fc.constant(0),
      ...{ runSeconds: fc.constantFrom(1, 60, 3600) },
    }),
  })
  .map((facts) => peerOf("any", facts));

/** Up to twelve machines; at most the first is the submitter's own. */
export const anyCrew: fc.Arbitrary<readonly PeerFacts[]> = fc.array(anyPeer, { maxLength: 12 }).map((peers) =>
  peers.map((peer, index) => ({
    ...peer,
    own: peer.own && index === 0,
    name: `peer-${index}`,
    node: `node-${(index * 7) % 13}`,
  })),
);

export const anyRequest: fc.Arbitrary<PlacementRequest> = fc
  .record({
    gpu: fc.constantFrom(undefined, undefined, { count: 1 }, { minMemory: "8Gi" }, { model: "a100", count: 2 }),
    peer: fc.constantFrom(undefined, undefined, undefined, "peer-0", "peer-3"),
    preferredPeers: fc.constantFrom([], ["peer-2", "peer-0"]),
    sized: fc.boolean(),
    failures: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }),
  })
  .map(({ gpu, peer, preferredPeers, sized, failures }) => {
    const amounts = sized ? { cpu: 2, memory: "4Gi", disk: "10Gi" } : {};
    const failedOn = new Map(failures.map((index) => [`node-${index}`, 1 + (index % 2)]));
    const resources = { ...amounts, ...(gpu === undefined ? {} : { gpu }) };
    return requestOf({ resources, preferredPeers, ...(peer === undefined ? {} : { peer }) }, { failedOn });
  });
