import type { NetworkSpec } from "../../resources/network.ts";
import type { MeshMemberSight, MeshSight, RelayWanted, TunnelConfig } from "./ports.ts";

/** A sight of a mesh this machine takes part in. */
export interface JoinedSight extends MeshSight {
  readonly own: MeshMemberSight;
}

/** One that has nothing to tell with; the interface of a machine whose key another one has would be heard by neither. */
export function isJoined(sight: MeshSight): sight is JoinedSight {
  return sight.own !== "removed" && sight.own.wireguardKey !== undefined;
}

type TunnelPeer = TunnelConfig["peers"][number];

/**
 * One peer for each member with a key. An address has one carrier: of two tunnels that want to carry it the member's own, else
 * the first by node id; a member that nobody carries and no tunnel speaks of carries itself. Only single addresses: a
 * route for the whole range would take traffic that belongs to another network of this machine.
 */
export function renderTunnel(spec: NetworkSpec, sight: JoinedSight): TunnelConfig {
  const carriers = findCarriers(sight);
  const others = sight.others.toSorted(byNode);
  const tunnels = new Map(sight.tunnels.map((tunnel) => [tunnel.node, tunnel]));
  const members = membersWithKey(sight);
  const peers = members.map(({ node, publicKey }): TunnelPeer => {
    const { endpoint, keepaliveSeconds } = tunnels.get(node) ?? {};
    const carried = others.filter((member) => carriers.get(member.node) === node);
    return {
      publicKey,
      allowedIps: carried.flatMap((member) => addressesOf(member)),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
    };
  });
  return {
    listenPort: spec.listenPort ?? 51_820,
    addresses: addressesOf(sight.own),
    mtu: spec.mtu ?? 1_280,
    peers,
  };
}

export function renderRelay(spec: NetworkSpec, { own, others }: JoinedSight): RelayWanted {
  const maxMbit = spec.relay?.maxMbit;
  return {
    enabled: spec.relay?.enabled ?? true,
    ...(maxMbit === undefined ? {} : { maxMbit }),
    addresses: [own, ...others.toSorted(byNode)].flatMap(({ ip, ipv6 }) => (ip === undefined ? [ipv6] : [ip, ipv6])),
  };
}

/** How many members are reached through another one. */
export function countRelayed(sight: JoinedSight): number {
  return [...findCarriers(sight)].filter(([node, carrier]) => node !== carrier).length;
}

/** Who carries whom, by node ids; a member that is not in it can only be probed. */
function findCarriers(sight: JoinedSight): ReadonlyMap<string, string> {
  const present = new Set(sight.others.map(({ node }) => node));
  const usable = new Set(membersWithKey(sight).map(({ node }) => node));
  const tunnels = sight.tunnels.filter(({ node }) => usable.has(node)).toSorted(byNode);
  const carriers = new Map<string, string>();
  for (const { node, carries } of tunnels) if (carries.includes(node)) carriers.set(node, node);
  for (const { node, carries } of tunnels) {
    for (const carried of carries) if (present.has(carried) && !carriers.has(carried)) carriers.set(carried, node);
  }
  const spokenOf = new Set(tunnels.map(({ node }) => node));
  for (const node of usable) if (!spokenOf.has(node) && !carriers.has(node)) carriers.set(node, node);
  return carriers;
}

/** One member a key, in an order that does not change by itself. */
function membersWithKey({
  own,
  others,
}: JoinedSight): readonly { readonly node: string; readonly publicKey: string }[] {
  const keys = new Set([own.wireguardKey]);
  return others.toSorted(byNode).flatMap(({ node, wireguardKey: publicKey }) => {
    if (publicKey === undefined || keys.has(publicKey)) return [];
    keys.add(publicKey);
    return [{ node, publicKey }];
  });
}

function addressesOf({ ip, ipv6 }: MeshMemberSight): readonly string[] {
  return ip === undefined ? [`${ipv6}/128`] : [`${ip}/32`, `${ipv6}/128`];
}

function byNode(a: { readonly node: string }, b: { readonly node: string }): number {
  return a.node < b.node ? -1 : 1;
}
