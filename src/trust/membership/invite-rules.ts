import { createHash } from "node:crypto";
import type { JoinRequest } from "./join-request.ts";
import type { Membership } from "./judge-membership.ts";
import { formatIpv4, memberAddressProblem, parseIpv4 } from "./mesh-addresses.ts";

/** Why this machine cannot be invited under this name and address, as far as is known here; undefined when it can. */
export function inviteProblem(
  { genesis, members, removed }: Membership,
  request: JoinRequest,
  place: { readonly name: string; readonly ip: string },
): string | undefined {
  if (genesis === undefined) return "the network's Genesis is not known here";
  const identity = Buffer.from(request.identity).toString("base64url");
  const wireguardKey = Buffer.from(request.wireguardKey).toString("base64url");
  const gone = removed.find((each) => each.identity === identity);
  if (gone !== undefined) return `this key is out of the network for ever (${gone.how}): it needs a new identity`;
  if (members.some((each) => each.identity === identity)) return "this machine is a member already";
  if (members.some((each) => each.wireguardKey === wireguardKey)) return "its WireGuard key is a member's";
  if (members.some(({ name }) => name === place.name)) return `the name ${place.name} is taken`;
  const owner = members.find(({ ip }) => ip === place.ip);
  if (owner !== undefined) return `the address ${place.ip} is ${owner.name}'s`;
  const problem = memberAddressProblem(place.ip, genesis.cidr);
  return problem === undefined ? undefined : `the address ${place.ip} ${problem}`;
}

/** The address this key hashes to, or the next free one; undefined in a full network. `identity` is raw. */
export function freeAddress({ genesis, members }: Membership, identity: Uint8Array): string | undefined {
  const [start = "", bits = ""] = genesis?.cidr.split("/") ?? [];
  const first = parseIpv4(start);
  if (first === undefined) return undefined;
  const hosts = 2 ** (32 - Number(bits)) - 2;
  const taken = new Set(members.map(({ ip }) => ip));
  const hash = createHash("sha256").update("homie/address/1\0").update(identity).digest().readUIntBE(0, 6);
  // One more than is taken is enough to find a free one.
  for (let tries = 0; tries < Math.min(hosts, taken.size + 1); tries++) {
    const ip = formatIpv4(first + 1 + ((hash + tries) % hosts));
    if (!taken.has(ip)) return ip;
  }
  return undefined;
}
