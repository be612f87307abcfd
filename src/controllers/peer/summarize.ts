import type { Peer, PeerStatus } from "../../resources/peer.ts";
import { mergeConditions, type ConditionDraft } from "../../reconciler/conditions.ts";
import type { Summary } from "../../reconciler/types.ts";
import { coarseFigures } from "./coarse.ts";
import { phaseOf } from "./phase.ts";
import type { PeerFigures, PeerSight, SilenceLimits } from "./ports.ts";

export interface PeerActual {
  readonly sight: PeerSight;
  readonly silence: SilenceLimits;
}

/** Asked a little late, so that the limit has surely been passed. */
const slackMs = 50;

export function summarizePeer(peer: Peer, { sight, silence }: PeerActual, now: Date): Summary<Peer> {
  const { phase, nextMs } = phaseOf(sight, silence);
  const figures = sight.figures === undefined ? undefined : coarseFigures(figuresOf(peer.status), sight.figures);
  const { name, node, version, path } = sight;
  const rtt = figures?.rttMs === undefined ? {} : { rttMs: figures.rttMs };
  const status: PeerStatus = {
    observedGeneration: peer.metadata.generation,
    phase,
    ...(name === undefined ? {} : { name }),
    ...(node === undefined ? {} : { node }),
    ...(path === undefined ? {} : { path: { ...path, ...rtt } }),
    ...(figures === undefined ? {} : { resources: figures.resources, jobs: figures.jobs }),
    ...(version === undefined ? {} : { version }),
    conditions: [...mergeConditions(peer.status?.conditions, draftConditions(sight, phase), now)],
  };
  return { status, result: nextMs === undefined ? {} : { requeueAfterMs: nextMs + slackMs } };
}

function figuresOf(status: PeerStatus | undefined): PeerFigures | undefined {
  if (status?.resources === undefined) return undefined;
  const rttMs = status.path?.rttMs;
  return { resources: status.resources, jobs: status.jobs ?? 0, ...(rttMs === undefined ? {} : { rttMs }) };
}

function draftConditions(sight: PeerSight, phase: PeerStatus["phase"]): readonly ConditionDraft[] {
  const drafts = [trusted(sight), reachable(sight, phase), heartbeat(sight, phase)];
  if (sight.rival !== undefined)
    drafts.push({ type: "NameUnique", status: "False", reason: "NameClaimedTwice", message: sight.rival });
  if (sight.contradicts === true) {
    const message = "it signed two different records with one number; its key may be in two hands";
    drafts.push({ type: "Consistent", status: "False", reason: "Contradiction", message });
  }
  return drafts;
}

function trusted({ trust }: PeerSight): ConditionDraft {
  const type = "Trusted";
  switch (trust.kind) {
    case "proved":
      return trust.by === "statements"
        ? { type, status: "True", reason: "Admitted", message: "a member of the network has admitted it" }
        : { type, status: "True", reason: "SecretProved", message: "it knows the group secret" };
    case "unmet":
      return { type, status: "Unknown", reason: "NotMet", message: "it has not been reached yet" };
    case "removed":
      return { type, status: "False", reason: trust.how, message: "it belongs to the network no more" };
    case "refused":
      return { type, status: "False", reason: trust.reason, message: trust.message };
  }
}

function reachable(sight: PeerSight, phase: PeerStatus["phase"]): ConditionDraft {
  const type = "Reachable";
  if (sight.dialProblem !== undefined)
    return { type, status: "False", reason: "DialFailed", message: sight.dialProblem };
  if (phase === "Online" && sight.path !== undefined)
    return { type, status: "True", reason: "Linked", message: sight.path.via ?? "" };
  return { type, status: "Unknown", reason: "NoLink", message: "" };
}

function heartbeat(sight: PeerSight, phase: PeerStatus["phase"]): ConditionDraft {
  const type = "Heartbeat";
  if (sight.left === true) return { type, status: "False", reason: "Left", message: "it said goodbye" };
  if (sight.silentMs === undefined) return { type, status: "Unknown", reason: "NeverHeard", message: "" };
  if (phase === "Online") return { type, status: "True", reason: "Heard", message: "" };
  return { type, status: "False", reason: "Silent", message: "" };
}
