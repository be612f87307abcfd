import type { Network, NetworkStatus } from "../../resources/network.ts";
import { mergeConditions, type ConditionDraft } from "../../reconciler/conditions.ts";
import type { Summary } from "../../reconciler/types.ts";
import { lookAgainMs, type NetworkActual } from "./plan.ts";
import type { MeshMemberSight } from "./ports.ts";
import { countRelayed, isJoined } from "./render-tunnel.ts";

export function summarizeNetwork(network: Network, actual: NetworkActual, now: Date): Summary<Network> {
  const { counts, sight } = actual;
  const isIn = counts === true && sight?.name === network.metadata.name;
  const own = isIn && sight.own !== "removed" ? sight.own : undefined;
  const status: NetworkStatus = {
    observedGeneration: network.metadata.generation,
    ...(own === undefined ? {} : figuresOf(own, actual)),
    conditions: [...mergeConditions(network.status?.conditions, draftConditions(network, actual, own), now)],
  };
  const waitMs = actual.failure?.waitMs ?? 0;
  return { status, result: { requeueAfterMs: waitMs > 0 ? waitMs : lookAgainMs } };
}

function figuresOf(
  { wireguardKey: publicKey, ip, ipv6: addressV6 }: MeshMemberSight,
  { sight, converged, peers }: NetworkActual,
): Partial<NetworkStatus> {
  const relays = converged && sight !== undefined && isJoined(sight) ? countRelayed(sight) : 0;
  return {
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(ip === undefined ? {} : { address: ip }),
    ...{ addressV6, peers, relays },
  };
}

function draftConditions(
  network: Network,
  actual: NetworkActual,
  own: MeshMemberSight | undefined,
): readonly ConditionDraft[] {
  const drafts = [member(network, actual)];
  if (actual.counts !== true) return drafts;
  drafts.push(configRendered(actual), interfaceReady(network, actual, own));
  if (own === undefined) return drafts;
  drafts.push(addressUnique(actual, own), relaying(network, actual));
  const { spec } = network;
  if (spec.cidr !== undefined && spec.cidr !== actual.sight?.cidr) {
    const message = `the network has ${actual.sight?.cidr} since it was founded; cidr in the file changes nothing`;
    drafts.push({ type: "CidrMatches", status: "False", reason: "CidrDiffers", message });
  }
  return drafts;
}

function member({ metadata: { name } }: Network, { counts, sight }: NetworkActual): ConditionDraft {
  const type = "Member";
  const not = (reason: string, message: string): ConditionDraft => ({ type, status: "False", reason, message });
  if (counts !== true)
    return not("OnlyOneNetwork", `a machine has one network: ${counts.name} counts, this one does not`);
  if (sight === undefined)
    return not("NotJoined", "this machine is in no network: homie network create NAME, or homie network join");
  if (sight.name !== name)
    return not(
      "OtherNetwork",
      `this machine is in ${sight.name}: name the object so, or leave it: homie network leave`,
    );
  if (sight.own === "removed")
    return not(
      "Removed",
      `this machine was removed from ${name}, and its keys with it; a new home can be invited again`,
    );
  return { type, status: "True", reason: "Admitted", message: `${sight.own.name} in ${name}` };
}

function configRendered({ rendered, wanted, failure }: NetworkActual): ConditionDraft {
  const type = "ConfigRendered";
  if (rendered) return { type, status: "True", reason: "Written", message: "" };
  if (failure?.step === "Apply") return { type, status: "False", reason: failure.code, message: told(failure) };
  if (wanted === undefined) return { type, status: "False", reason: "NotNeeded", message: "" };
  return { type, status: "Unknown", reason: "NotYet", message: "" };
}

function interfaceReady(
  { spec }: Network,
  { converged, failure, wanted, cleared }: NetworkActual,
  own: MeshMemberSight | undefined,
): ConditionDraft {
  const type = "InterfaceReady";
  const name = spec.interface ?? "homie0";
  if (failure !== undefined) return { type, status: "False", reason: failure.code, message: told(failure) };
  if (own !== undefined && own.wireguardKey === undefined) {
    const message = "another member has this machine's WireGuard key, as after copying a home: join as a new member";
    return { type, status: "False", reason: "KeyTaken", message };
  }
  if (wanted === undefined) return { type, status: "False", reason: cleared ? "NotNeeded" : "Leaving", message: "" };
  if (!converged) return { type, status: "Unknown", reason: "NotYet", message: "" };
  const message = `${name} listens on UDP port ${wanted.tunnel.listenPort}`;
  return { type, status: "True", reason: "AsConfigured", message };
}

function addressUnique({ sight }: NetworkActual, { ip, wantedIp }: MeshMemberSight): ConditionDraft {
  const type = "AddressUnique";
  if (ip === undefined) {
    const message = `all IPv4 addresses of ${sight?.cidr} are taken; this machine has its IPv6 address alone`;
    return { type, status: "False", reason: "NetworkFull", message };
  }
  if (wantedIp === undefined || wantedIp === ip) return { type, status: "True", reason: "Admitted", message: "" };
  return { type, status: "True", reason: "Reassigned", message: `${wantedIp} was another member's already` };
}

function relaying({ spec }: Network, { relay }: NetworkActual): ConditionDraft {
  const type = "Relaying";
  if (relay === undefined) return { type, status: "Unknown", reason: "NotYet", message: "" };
  const { active, problem } = relay.outcome;
  if (problem !== undefined) return { type, status: "False", reason: "RulesFailed", message: told(problem) };
  if (active) return { type, status: "True", reason: "Forwarding", message: "" };
  const isOff = spec.relay?.enabled === false;
  return { type, status: "False", reason: isOff ? "Disabled" : "NotForwarding", message: "" };
}

function told({ message, hint }: { readonly message: string; readonly hint?: string }): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}
