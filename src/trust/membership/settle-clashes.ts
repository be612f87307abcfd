import { nodeIdOf } from "../identity.ts";
import { addressKey, nextFreeAddress } from "./mesh-addresses.ts";
import type { Place } from "./place-members.ts";

/** What a member is called and where it is, so that no two have the same. */
export interface Settled {
  readonly place: Place;
  readonly node: string;
  readonly name: string;
  /** Absent: the network is full. */
  readonly ip?: string;
  readonly lost: readonly ("ip" | "wireguardKey")[];
}

/**
 * Whoever is nearer to the founder gets what it was admitted with; of two of one depth the one with the smaller rank. All
 * winners are served before the first loser chooses anew, so that a loser takes nothing from anybody, and losers choose
 * in the same order: every machine that knows the same statements gives the same addresses.
 */
export function settleClashes(places: readonly Place[], cidr: string): readonly Settled[] {
  const ordered = places.toSorted(nearerFirst);
  const taken = new Set<string>();
  const claims = ordered.map((place) => ({
    place,
    name: claim(taken, `name ${place.name}`),
    ip: claim(taken, addressKey(place.ip)),
    wireguardKey: claim(taken, `wireguardKey ${place.wireguardKey}`),
  }));
  return claims.map(({ place, ...won }) => {
    const raw = Buffer.from(place.identity, "base64url");
    const node = nodeIdOf(raw);
    const name = won.name ? place.name : freeName(place.name, node, taken);
    const ip = won.ip ? place.ip : nextFreeAddress(raw, cidr, taken);
    taken.add(`name ${name}`);
    if (ip !== undefined) taken.add(addressKey(ip));
    const lost = (["ip", "wireguardKey"] as const).filter((field) => !won[field]);
    return { place, node, name, lost, ...(ip === undefined ? {} : { ip }) };
  });
}

/** Answers whether nobody had it. */
function claim(taken: Set<string>, what: string): boolean {
  if (taken.has(what)) return false;
  taken.add(what);
  return true;
}

function nearerFirst(a: Place, b: Place): number {
  if (a.depth !== b.depth) return a.depth - b.depth;
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return a.identity < b.identity ? -1 : 1;
}

/** The name and letters of the node id; a number where somebody has had itself admitted under all of those. */
function freeName(wanted: string, node: string, taken: ReadonlySet<string>): string {
  for (let letters = 4; letters <= node.length; letters++) {
    const name = `${wanted.slice(0, 62 - letters)}-${node.slice(0, letters)}`;
    if (!taken.has(`name ${name}`)) return name;
  }
  for (let number = 2; ; number++) {
    const name = `${wanted.slice(0, 26)}-${node}-${number}`;
    if (!taken.has(`name ${name}`)) return name;
  }
}
