import type { Host } from "./internet.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

export type Way = "lan" | "direct" | "punched" | "relay" | "none";
export type Pair = readonly [Machine, Machine];

export function pairsOf({ machines }: World): readonly Pair[] {
  const live = machines.filter(({ isUp }) => isUp);
  return live.flatMap((one, index) => live.slice(index + 1).map((other): Pair => [one, other]));
}

/** The best way there is between two, by what the network between them is. */
export function bestWay(world: World, pair: Pair): Way {
  const [one, other] = pair;
  const isEasy = (left: Machine, right: Machine): boolean => {
    const way = easyWay(left.host, right.host);
    return way === "lan" || way === "direct" || (isPunchable(world, left, right) && left.isUp && right.isUp);
  };
  const easy = easyWay(one.host, other.host);
  if (easy !== undefined) return easy;
  if (isPunchable(world, one, other)) return "punched";
  const relays = world.machines.filter((each) => each.isUp && each.canRelay && each !== one && each !== other);
  return relays.some((each) => isEasy(one, each) && isEasy(each, other)) ? "relay" : "none";
}

/** Without anybody's help; undefined: not so. */
function easyWay(one: Host, other: Host): Way | undefined {
  if (one.isCut || other.isCut || one.group !== other.group) return "none";
  if (one.severed.has(other)) return undefined;
  if (one.segment === other.segment) return one.segment.gateway === undefined ? "direct" : "lan";
  if (isOffline(one) || isOffline(other)) return "none";
  if (isPublic(one) || isPublic(other)) return isBlocked(one) || isBlocked(other) ? undefined : "direct";
  return undefined;
}

function isPunchable(world: World, one: Machine, other: Machine): boolean {
  const [hard, soft] = [filterOf(one.host), filterOf(other.host)].toSorted((a, b) => b - a);
  if (hard === undefined || soft === undefined || hard === hardness["udp-blocked"]) return false;
  if (hard === hardness.symmetric && soft >= hardness.cone) return false;
  if (one.host.severed.has(other.host)) return false;
  // Nobody gets out of a router and in again.
  if (one.host.routers.some((router) => other.host.routers.includes(router))) return false;
  return isSeen(world, one, other) && isSeen(world, other, one);
}

/** One side sends from a port for each destination, and the other lets in who was spoken to from any port: NAT kinds do not tell. */
export function isLuck([one, other]: Pair): boolean {
  const [hard, soft] = [filterOf(one.host), filterOf(other.host)].toSorted((a, b) => b - a);
  return hard === hardness.symmetric && soft !== undefined && soft < hardness.cone;
}

/** Somebody who can tell sees it. */
function isSeen(world: World, machine: Machine, peer: Machine): boolean {
  const others = world.machines.filter((each) => each.isUp && each !== machine && each !== peer);
  return others.some(({ host }) => isPublic(host) && easyWay(host, machine.host) === "direct");
}

const hardness = { "full-cone": 0, restricted: 1, cone: 2, symmetric: 3, "udp-blocked": 4 } as const;

/** Of several routers the hardest counts. */
function filterOf({ routers }: Host): number {
  return Math.max(0, ...routers.map(({ kind }) => hardness[kind]));
}

function isOffline({ routers }: Host): boolean {
  return routers.some(({ isCut }) => isCut);
}

function isPublic({ segment }: Host): boolean {
  return segment.gateway === undefined;
}

function isBlocked(host: Host): boolean {
  return filterOf(host) === hardness["udp-blocked"];
}
