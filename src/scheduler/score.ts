import { gpusFor } from "./gpu-match.ts";
import { decay } from "./history.ts";
import type { PeerFacts } from "./peer-facts.ts";
import { needOf } from "./placement-request.ts";
import type { PlacementRequest } from "./placement-request.ts";

/** Points a term can bring; together 100. */
export const weights = { fit: 30, idle: 20, start: 25, speed: 10, reliability: 10, affinity: 5 } as const;
/** Points a penalty takes; `failedBefore` for each failed attempt of the Job there. */
export const penalties = { failedBefore: 25, idleGpu: 10, battery: 10, relayed: 5 } as const;

export type TermName = keyof typeof weights | keyof typeof penalties;
/** In the order they are shown and stored in. */
export const termNames: readonly TermName[] = [
  ...(["fit", "idle", "start", "speed", "reliability", "affinity"] as const),
  ...(["failedBefore", "idleGpu", "battery", "relayed"] as const),
];
/**
 * Tenths of a point by place in `termNames`; penalties are below zero. Whole numbers, so that they add up to the same sum
 * everywhere, and an array, because a decision makes one for each peer.
 */
export type Terms = readonly number[];

/** Where nothing was measured yet: a home connection. */
const unmeasured = { bytesPerSecond: 4 * 2 ** 20, rttMs: 100 } as const;
/** A start that takes this long is worth half of one that takes no time. */
const halfValueSeconds = 30;

/** `fastestSeconds`: shortest median of past runs of this Job among the peers that are compared. */
export function scoreTerms(
  request: PlacementRequest,
  peer: PeerFacts,
  nowMs: number,
  fastestSeconds: number | undefined,
): Terms {
  const failures = request.failedOn.size === 0 ? 0 : (request.failedOn.get(peer.node) ?? 0);
  const idleGpu = request.gpu === undefined && peer.gpus.some(({ free }) => free);
  return [
    points(weights.fit, request.gpu === undefined ? roomLeft(request, peer) : gpuFit(request, peer)),
    points(weights.idle, 1 - peer.load / peer.machineCores),
    points(weights.start, 1 / (1 + startSeconds(peer) / halfValueSeconds)),
    points(weights.speed, speed(peer, fastestSeconds)),
    points(weights.reliability, reliability(peer, nowMs)),
    points(weights.affinity, preference(request, peer)),
    penalty(penalties.failedBefore, failures),
    penalty(penalties.idleGpu, idleGpu ? 1 : 0),
    penalty(penalties.battery, peer.onBattery ? 1 : 0),
    penalty(penalties.relayed, peer.relayed ? 1 : 0),
  ];
}

/** In tenths of a point; below zero when penalties outweigh everything. */
export function sumOf(terms: Terms): number {
  let sum = 0;
  for (const term of terms) sum += term;
  return sum;
}

/** Until the program can start: what is missing there has to travel. */
export function startSeconds({ missingBytes, bytesPerSecond, rttMs }: PeerFacts): number {
  const rate = bytesPerSecond !== undefined && bytesPerSecond > 0 ? bytesPerSecond : unmeasured.bytesPerSecond;
  return missingBytes / rate + (2 * (rttMs ?? unmeasured.rttMs)) / 1000;
}

/** Tenths of a point for a share of the weight; a share that is no number is worth nothing. */
function points(weight: number, share: number): number {
  if (!(share > 0)) return 0;
  // To an integer in the engine's eyes as well, which stores arrays of those in place.
  return Math.round(weight * 10 * Math.min(share, 1)) | 0;
}

/** Zero stays zero: a minus zero would be written as -0. */
function penalty(weight: number, times: number): number {
  return times === 0 ? 0 : Math.round(-weight * 10 * times);
}

/** Share of what is free that would still be free: by the resource that gets scarcest. */
function roomLeft({ cpu, memoryBytes, diskBytes }: PlacementRequest, peer: PeerFacts): number {
  return (
    1 -
    Math.max(
      needOf(cpu, peer.cpu) / peer.cpu.free,
      needOf(memoryBytes, peer.memoryBytes) / peer.memoryBytes.free,
      needOf(diskBytes, peer.diskBytes) / peer.diskBytes.free,
    )
  );
}

/** The smallest GPUs that do, so that large ones stay free for who needs them; any will do when no size is named. */
function gpuFit(request: PlacementRequest, peer: PeerFacts): number {
  const { gpu } = request;
  if (gpu?.minMemoryBytes === undefined) return roomLeft(request, peer);
  const taken = gpusFor(gpu, peer.gpus).slice(0, gpu.count);
  return (gpu.minMemoryBytes * gpu.count) / taken.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
}

/** What has not been measured counts as half. */
function speed({ history: { runSeconds } }: PeerFacts, fastestSeconds: number | undefined): number {
  return runSeconds === undefined || fastestSeconds === undefined || !(runSeconds > 0)
    ? 0.5
    : fastestSeconds / runSeconds;
}

function reliability({ history }: PeerFacts, nowMs: number): number {
  const weight = decay(1, history.asOfMs, nowMs);
  const succeeded = history.succeeded * weight;
  const failed = history.failed * weight;
  return (succeeded + 1) / (succeeded + failed + 2);
}

/** The first of three preferred peers gets all of it, the last a third. */
function preference({ preferredPeers }: PlacementRequest, { name }: PeerFacts): number {
  const place = preferredPeers.length === 0 ? -1 : preferredPeers.indexOf(name);
  return place < 0 ? 0 : (preferredPeers.length - place) / preferredPeers.length;
}
