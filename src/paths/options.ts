import type { NatKind } from "../resources/network-report.ts";
import { isWithin, parseEndpoint } from "./addresses.ts";
import type { Draft } from "./draft.ts";
import type { Option, OwnSight, Pair } from "./state.ts";
import type { Place, TunnelFacts } from "./types.ts";

/** Ways that are tried for each kind. */
const most = { lan: 2, public: 2, seen: 1 } as const;

/** Ways to reach the member directly, the most likely first. In a connection that carries packets there is one only. */
export function optionsOf({ own, facts }: Draft, pair: Pair): readonly Option[] {
  if (pair.member.carried !== undefined) return [{ kind: "public", index: 0 }];
  const count = (kind: Option["kind"]): readonly Option[] => {
    const theirs = endpointsOf(pair, own, kind).length;
    // Who is seen somewhere can only be met there by somebody who knocks.
    const either = kind === "seen" ? theirs : Math.max(theirs, placesOf(facts.places, kind).length);
    return Array.from({ length: Math.min(most[kind], either) }, (_, index) => ({ kind, index }));
  };
  const isNear = isNearby(pair, own, facts);
  const lan = count("lan");
  // Private networks may be routed to each other; strangers who have the same addresses are knocked at only once.
  const far = isNear || pair.rounds > 0 ? [] : lan.slice(0, 1);
  return [...(isNear ? lan : []), ...count("public"), ...count("seen"), ...far];
}

/** Where to look for the member, of this kind: what is in a network of ours first. */
export function endpointsOf(
  { places, member }: Readonly<Pair>,
  own: OwnSight,
  kind: Option["kind"],
): readonly string[] {
  if (kind === "public" && member.carried !== undefined) return [member.carried];
  const hasIpv6 = own.addresses.some(({ address }) => address.includes(":"));
  const usable = placesOf(places, kind)
    .map(({ endpoint }) => endpoint)
    .filter((endpoint) => hasIpv6 || !endpoint.startsWith("["));
  if (kind !== "lan") return usable;
  return usable.toSorted((a, b) => Number(isInOwnNetwork(b, own)) - Number(isInOwnNetwork(a, own)));
}

export function placesOf(places: readonly Place[], wanted: Option["kind"]): readonly Place[] {
  return places.filter(({ kind }) => (kind === "mapped" ? "public" : kind) === wanted);
}

export function isInOwnNetwork(endpoint: string, own: OwnSight): boolean {
  const address = parseEndpoint(endpoint)?.address;
  return address !== undefined && own.addresses.some((each) => isWithin(address, `${each.address}/${each.prefix}`));
}

/** Both may be behind one router: seen at one address, or in one network; but half the world is in 192.168.1.0/24. */
function isNearby(pair: Readonly<Pair>, own: OwnSight, facts: TunnelFacts): boolean {
  const [ours, theirs] = [hostsSeen(facts.places), hostsSeen(pair.places)];
  if (ours.size > 0 && theirs.size > 0) return [...theirs].some((host) => ours.has(host));
  return placesOf(pair.places, "lan").some(({ endpoint }) => isInOwnNetwork(endpoint, own));
}

function hostsSeen(places: readonly Place[]): ReadonlySet<string> {
  return new Set(placesOf(places, "seen").flatMap(({ endpoint }) => parseEndpoint(endpoint)?.host ?? []));
}

/** The straight way may well work at once, without any arrangement. */
export function isPromising(pair: Readonly<Pair>, { own, facts }: Pick<Draft, "own" | "facts">): boolean {
  const isOpen = (places: readonly Place[]): boolean => placesOf(places, "public").length > 0;
  return isOpen(pair.places) || isOpen(facts.places) || isNearby(pair, own, facts);
}

/** Where to look before anything was tried: WireGuard starts by itself. */
export function firstGuess(pair: Readonly<Pair>, own: OwnSight): string | undefined {
  const [near] = endpointsOf(pair, own, "lan").filter((endpoint) => isInOwnNetwork(endpoint, own));
  return near ?? endpointsOf(pair, own, "public")[0];
}

/** Two routers of which each waits for the other: no trying helps, until something about them changes. */
export function isHopeless(ours: NatKind, theirs: NatKind): boolean {
  if (ours === "udp-blocked" || theirs === "udp-blocked") return true;
  const hard = [ours, theirs].filter((kind) => kind === "symmetric").length;
  return hard === 2 || (hard === 1 && [ours, theirs].includes("endpoint-independent"));
}

const hardness: Readonly<Record<NatKind, number>> = {
  none: 0,
  "endpoint-independent": 1,
  unknown: 2,
  symmetric: 3,
  "udp-blocked": 4,
};

/** Whose first packet the other's router lets in more easily goes second. */
export function isHarder(nat: NatKind, than: NatKind): boolean {
  return hardness[nat] > hardness[than];
}
