import { fits } from "./fits.ts";
import { gpusEverFor, gpusFor } from "./gpu-match.ts";
import { matchesAny } from "./image-names.ts";
import { listed } from "./listed.ts";
import type { PeerFacts, Supply } from "./peer-facts.ts";
import { needOf } from "./placement-request.ts";
import type { Ask, GpuRequest, PlacementRequest } from "./placement-request.ts";
import type { Refusal } from "./refusal.ts";

/** After this many failures on one peer it is not bad luck any more. */
const mostFailures = 2;

/**
 * Everything that keeps this peer from taking the Job, in the order of `RefusalReason`; empty when nothing does.
 * No filter stops the next one. They are called one by one, not from a table: that is twice as fast, and this is the
 * inner loop of every decision.
 */
export function refusalsOf(request: PlacementRequest, peer: PeerFacts, nowMs: number): readonly Refusal[] {
  const found: Refusal[] = [];
  filterStanding(peer, nowMs, found);
  filterChoice(request, peer, found);
  filterCapacity(request, peer, found);
  // Limits `allow` and the owner's presence are about others; the own machine takes its owner's Jobs whenever it is awake.
  if (!peer.own) {
    filterAllowed(request, peer, found);
    filterPresence(peer, found);
  }
  filterMoment(request, peer, nowMs, found);
  return found;
}

function filterStanding(peer: PeerFacts, nowMs: number, found: Refusal[]): void {
  const { phase } = peer;
  if (phase === "Suspect" || phase === "Offline") {
    const silent = peer.silentMs === undefined ? phase : peer.silentMs / 1000;
    found.push({
      reason: "NotOnline",
      need: "Online",
      free: silent,
      hint: "it gets work again as soon as it is heard of",
    });
  }
  if (phase === "Untrusted" || phase === "Revoked") {
    found.push({ reason: "NotTrusted", need: "trusted", free: phase, hint: "only members of the crew get work" });
  }
  if (!peer.compatible) {
    found.push({
      reason: "IncompatibleVersion",
      need: "same protocol",
      free: "another",
      hint: "update homie on one of the two",
    });
  }
  if (peer.cordoned) {
    found.push({
      reason: "Cordoned",
      need: "not cordoned",
      free: "cordoned",
      hint: "set spec.cordoned of the Peer to false",
    });
  }
  const { quarantinedUntilMs } = peer.history;
  if (quarantinedUntilMs !== undefined && quarantinedUntilMs > nowMs) {
    const left = (quarantinedUntilMs - nowMs) / 1000;
    found.push({
      reason: "Quarantined",
      need: "not quarantined",
      free: left,
      hint: "attempts failed there in a row; it is tried again later",
    });
  }
}

function filterChoice(request: PlacementRequest, peer: PeerFacts, found: Refusal[]): void {
  const { platform } = request;
  if (request.peer !== undefined && request.peer !== peer.name) {
    found.push({
      reason: "NotPinnedPeer",
      need: request.peer,
      free: peer.name,
      hint: "leave out spec.peer to let any peer take it",
    });
  }
  for (const [key, value] of request.matchLabels) {
    const label = Object.hasOwn(peer.labels, key) ? peer.labels[key] : undefined;
    if (label === value) continue;
    const has = label === undefined ? `no ${key}` : `${key}=${label}`;
    found.push({
      reason: "SelectorMismatch",
      need: `${key}=${value}`,
      free: has,
      hint: "label the Peer, or widen spec.peerSelector",
    });
  }
  if (platform !== undefined && platform !== peer.platform) {
    const has = peer.platform === "" ? "unknown" : peer.platform;
    found.push({
      reason: "PlatformMismatch",
      need: platform,
      free: has,
      hint: "use an image built for the peer's platform",
    });
  }
}

function filterCapacity(request: PlacementRequest, peer: PeerFacts, found: Refusal[]): void {
  if (request.gpu !== undefined) filterGpus(request.gpu, peer, found);
  filterAmount("InsufficientCpu", request.cpu, peer.cpu, found);
  filterAmount("InsufficientMemory", request.memoryBytes, peer.memoryBytes, found);
  filterAmount("InsufficientDisk", request.diskBytes, peer.diskBytes, found);
  if (!fits(1, peer.jobs.free)) {
    found.push({
      reason: "NoJobSlot",
      need: 1,
      free: peer.jobs.free,
      hint: "it runs as many Jobs as its Limits maxJobs allow; wait for one to end",
    });
  }
}

function filterGpus(gpu: GpuRequest, { gpus, gpusLent }: PeerFacts, found: Refusal[]): void {
  const free = Math.min(gpusFor(gpu, gpus).length, gpusLent?.free ?? Infinity);
  if (free >= gpu.count) return;
  const refusal = { reason: "InsufficientGpu", need: gpu.text, free } as const;
  const ever = Math.min(gpusEverFor(gpu, gpus), gpusLent?.total ?? Infinity);
  if (ever >= gpu.count) found.push({ ...refusal, hint: "wait until it is free, or lower spec.resources.gpu" });
  else found.push({ ...refusal, hint: "the peer lends no such GPUs: lower spec.resources.gpu", lasting: true });
}

type AmountReason = "InsufficientCpu" | "InsufficientMemory" | "InsufficientDisk";
const fields: Record<AmountReason, string> = {
  InsufficientCpu: "cpu",
  InsufficientMemory: "memory",
  InsufficientDisk: "disk",
};

function filterAmount(reason: AmountReason, asked: Ask, supply: Supply, found: Refusal[]): void {
  const need = needOf(asked, supply);
  if (fits(need, supply.free)) return;
  const lower = `lower spec.resources.${fields[reason]}`;
  const hint = fits(need, supply.total) ? `wait until it is free, or ${lower}` : `more than the peer lends: ${lower}`;
  found.push({ reason, need, free: supply.free, hint });
}

function filterAllowed(request: PlacementRequest, peer: PeerFacts, found: Refusal[]): void {
  const { submitter, network, image } = request;
  const { peers, images, networks } = peer.allow;
  if (!networks.includes(network)) {
    const hint = "its owner decides by Limits allow.networks; or set spec.network to none";
    found.push({ reason: "NetworkNotAllowed", need: network, free: listed(networks), hint });
  }
  const named = peers?.includes(submitter);
  if (peers !== undefined && named !== true) {
    found.push({
      reason: "PeerNotAllowed",
      need: submitter,
      free: listed(peers),
      hint: "ask its owner to name you in Limits allow.peers",
    });
  }
  if (images !== undefined && image !== undefined && !matchesAny(images, image)) {
    const hint = "use an image it allows, or ask its owner to add it to Limits allow.images";
    found.push({ reason: "ImageNotAllowed", need: image, free: listed(images), hint });
  }
  if (peer.runtime !== "docker" && named !== true) {
    const hint = "without a container it runs only Jobs of peers named in its Limits allow.peers";
    found.push({ reason: "RuntimeNotAllowed", need: "docker", free: peer.runtime, hint });
  }
}

function filterPresence(peer: PeerFacts, found: Refusal[]): void {
  if (peer.quiet)
    found.push({
      reason: "QuietHours",
      need: "outside of quiet hours",
      free: "quiet hours",
      hint: "wait until they end",
    });
  if (peer.onlyWhenIdle && !peer.idle) {
    found.push({ reason: "NotIdle", need: "idle", free: "in use", hint: "wait until its owner leaves it alone" });
  }
  if (peer.onBattery && !peer.takesWorkOnBattery) {
    found.push({ reason: "OnBattery", need: "mains power", free: "battery", hint: "wait until it is plugged in" });
  }
}

function filterMoment(request: PlacementRequest, peer: PeerFacts, nowMs: number, found: Refusal[]): void {
  const { snoozedUntilMs } = peer;
  if (snoozedUntilMs !== undefined && snoozedUntilMs > nowMs) {
    found.push({
      reason: "Snoozed",
      need: "awake",
      free: (snoozedUntilMs - nowMs) / 1000,
      hint: "wait until the snooze is over",
    });
  }
  const failures = request.failedOn.size === 0 ? 0 : (request.failedOn.get(peer.node) ?? 0);
  if (failures >= mostFailures) {
    found.push({
      reason: "TriedTwice",
      need: `fewer than ${mostFailures} failures`,
      free: failures,
      hint: "it is tried on other peers",
    });
  }
}
