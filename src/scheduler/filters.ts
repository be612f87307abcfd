import { fits, matchesAny } from "./fits.ts";
import { gpusFor } from "./gpu-match.ts";
import type { PeerFacts, Supply } from "./peer-facts.ts";
import { needOf } from "./placement-request.ts";
import type { Ask, PlacementRequest } from "./placement-request.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";

/** More than this on one peer and it is not the Job's luck any more. */
const mostAttempts = 2;

type Filter = (request: PlacementRequest, peer: PeerFacts, nowMs: number) => Refusal | undefined;

/** Everything that keeps this peer from taking the Job, in the order of `RefusalReason`; undefined when nothing does. */
export function refusalsOf(
  request: PlacementRequest,
  peer: PeerFacts,
  nowMs: number,
): readonly [Refusal, ...Refusal[]] | undefined {
  let refusals: [Refusal, ...Refusal[]] | undefined;
  for (const filter of filters) {
    const refusal = filter(request, peer, nowMs);
    if (refusal === undefined) continue;
    if (refusals === undefined) refusals = [refusal];
    else refusals.push(refusal);
  }
  return refusals;
}

const filters: readonly Filter[] = [
  (_, { phase, silentMs }) => {
    if (phase !== "Suspect" && phase !== "Offline") return undefined;
    const free = silentMs === undefined ? phase : `${phase}, silent for ${Math.round(silentMs / 1000)} s`;
    return { reason: "NotOnline", need: "Online", free, hint: "it gets work again as soon as it is heard of" };
  },
  (_, { phase }) =>
    phase === "Untrusted" || phase === "Revoked"
      ? { reason: "NotTrusted", need: "trusted", free: phase, hint: "only members of the crew get work" }
      : undefined,
  (_, { compatible }) =>
    compatible
      ? undefined
      : { reason: "IncompatibleVersion", need: "same protocol", free: "another", hint: "update homie on one of the two" },
  (_, { cordoned }) =>
    cordoned
      ? { reason: "Cordoned", need: "not cordoned", free: "cordoned", hint: "set spec.cordoned of the Peer to false" }
      : undefined,
  (_, { history: { quarantinedUntilMs } }, nowMs) =>
    quarantinedUntilMs === undefined || quarantinedUntilMs <= nowMs
      ? undefined
      : {
          reason: "Quarantined",
          need: "not quarantined",
          free: (quarantinedUntilMs - nowMs) / 1000,
          hint: "attempts failed there in a row; it is tried again after this time",
        },
  ({ peer }, { name }) =>
    peer === undefined || peer === name
      ? undefined
      : { reason: "NotPinnedPeer", need: peer, free: name, hint: "leave out spec.peer to let any peer take it" },
  selected,
  ({ platform }, peer) =>
    platform === undefined || platform === peer.platform
      ? undefined
      : {
          reason: "PlatformMismatch",
          need: platform,
          free: peer.platform === "" ? "unknown" : peer.platform,
          hint: "use an image built for the peer's platform",
        },
  ({ gpu }, { gpus }) => {
    if (gpu === undefined) return undefined;
    const free = gpusFor(gpu, gpus).length;
    return free >= gpu.count ? undefined : { reason: "InsufficientGpu", need: gpu.text, free, hint: gpuHint };
  },
  ({ cpu }, peer) => short("InsufficientCpu", cpu, peer.cpu, cpuHints),
  ({ memoryBytes }, peer) => short("InsufficientMemory", memoryBytes, peer.memoryBytes, memoryHints),
  ({ diskBytes }, peer) => short("InsufficientDisk", diskBytes, peer.diskBytes, diskHints),
  (_, { jobs }) => (fits(1, jobs.free) ? undefined : { reason: "NoJobSlot", need: 1, free: jobs.free, hint: slotHint }),
  ({ network }, { own, allow }) =>
    own || allow.networks.includes(network)
      ? undefined
      : {
          reason: "NetworkNotAllowed",
          need: network,
          free: allow.networks.join(", ") || "nothing",
          hint: "its owner decides by Limits allow.networks; or set spec.network to none",
        },
  ({ submitter }, { own, allow: { peers } }) =>
    own || peers === undefined || peers.includes(submitter)
      ? undefined
      : {
          reason: "PeerNotAllowed",
          need: submitter,
          free: listed(peers),
          hint: "ask its owner to name you in Limits allow.peers",
        },
  imageAllowed,
  ({ submitter }, { own, runtime, allow: { peers } }) =>
    own || runtime === "docker" || peers?.includes(submitter) === true
      ? undefined
      : {
          reason: "RuntimeNotAllowed",
          need: "docker",
          free: runtime,
          hint: "it runs Jobs of others without a container only for peers named in Limits allow.peers",
        },
  (_, { own, quiet }) =>
    quiet && !own
      ? { reason: "QuietHours", need: "outside of quiet hours", free: "quiet hours", hint: "wait until they end" }
      : undefined,
  (_, { own, onlyWhenIdle, idle }) =>
    onlyWhenIdle && !idle && !own
      ? { reason: "NotIdle", need: "idle", free: "in use", hint: "wait until its owner leaves it alone" }
      : undefined,
  (_, { own, onBattery, takesWorkOnBattery }) =>
    onBattery && !takesWorkOnBattery && !own
      ? { reason: "OnBattery", need: "mains power", free: "battery", hint: "wait until it is plugged in" }
      : undefined,
  (_, { snoozedUntilMs }, nowMs) =>
    snoozedUntilMs === undefined || snoozedUntilMs <= nowMs
      ? undefined
      : { reason: "Snoozed", need: "awake", free: (snoozedUntilMs - nowMs) / 1000, hint: "wait until the snooze is over" },
  ({ failedOn }, { node }) => {
    const failed = failedOn.get(node) ?? 0;
    if (failed < mostAttempts) return undefined;
    return { reason: "TriedTwice", need: `fewer than ${mostAttempts} failures`, free: failed, hint: "see homie logs" };
  },
];

interface Hints {
  readonly never: string;
  readonly wait: string;
}
const cpuHints = hintsFor("cpu");
const memoryHints = hintsFor("memory");
const diskHints = hintsFor("disk");
const gpuHint = "lower spec.resources.gpu, or wait until one is free";
const slotHint = "it runs as many Jobs as its Limits maxJobs allow; wait for one to end";

function hintsFor(field: string): Hints {
  return {
    never: `more than the peer lends: lower spec.resources.${field}`,
    wait: `wait until it is free, or lower spec.resources.${field}`,
  };
}

function short(reason: RefusalReason, asked: Ask, supply: Supply, hints: Hints): Refusal | undefined {
  const need = needOf(asked, supply);
  if (fits(need, supply.free)) return undefined;
  return { reason, need, free: supply.free, hint: fits(need, supply.total) ? hints.wait : hints.never };
}

function selected({ matchLabels }: PlacementRequest, { labels }: PeerFacts): Refusal | undefined {
  for (const [key, value] of matchLabels) {
    const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (found === value) continue;
    const free = found === undefined ? `no ${key}` : `${key}=${found}`;
    return { reason: "SelectorMismatch", need: `${key}=${value}`, free, hint: "label the Peer, or widen peerSelector" };
  }
  return undefined;
}

function imageAllowed({ image }: PlacementRequest, { own, allow: { images } }: PeerFacts): Refusal | undefined {
  if (own || images === undefined || image === undefined || matchesAny(images, image)) return undefined;
  const hint = "use an image it allows, or ask its owner to add it to Limits allow.images";
  return { reason: "ImageNotAllowed", need: image, free: listed(images), hint };
}

/** A list may be long; who is refused by it needs an idea of it. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return "nobody and nothing";
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.slice(0, 3).join(", ") + more;
}
