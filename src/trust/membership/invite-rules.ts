import type { JoinRequest } from "./join-request.ts";
import type { Member, Membership } from "./judge-membership.ts";
import { addressKey, memberAddressProblem, nextFreeAddress } from "./mesh-addresses.ts";
import { maxDepth } from "./place-members.ts";
import type { SignedStatement } from "./statement.ts";
import { maxAdmits } from "./statement-fields.ts";

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

/** Why whomever this member admits would be a member for nobody. Invites that nobody came with count for nothing. */
export function inviterProblem(
  { name, identity, depth }: Pick<Member, "name" | "identity" | "depth">,
  statements: readonly SignedStatement[],
): string | undefined {
  if (depth >= maxDepth) return `${name} is at the end of a chain of ${maxDepth} invites, and no chain is longer`;
  const admits = statements.filter(({ issuer, statement }) => issuer === identity && statement.kind === "Admit");
  return admits.length < maxAdmits ? undefined : `${name} has let in ${maxAdmits}, and nobody lets in more`;
}

/** The address this key hashes to, or the next free one; undefined in a full network. `identity` is raw. */
export function freeAddress({ genesis, members }: Membership, identity: Uint8Array): string | undefined {
  const taken = new Set(members.flatMap(({ ip }) => (ip === undefined ? [] : [addressKey(ip)])));
  return genesis === undefined ? undefined : nextFreeAddress(identity, genesis.cidr, taken);
}
