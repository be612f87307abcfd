import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { freeAddress } from "../../../src/trust/membership/invite-rules.ts";
import { judgeMembership, type Member, type Membership } from "../../../src/trust/membership/judge-membership.ts";
import { memberAddressProblem, meshAddressV6 } from "../../../src/trust/membership/mesh-addresses.ts";
import { genesisOf, machine, Signer, type Machine } from "./kit.ts";

const founder = machine("founder");
const left = machine("left");
const right = machine("right");

/** A network in which addresses are few, and two members who have met before the cable broke. */
function networkOf(range: string): { network: string; sign: Signer; common: readonly Buffer[] } {
  const genesis = genesisOf(founder, { cidr: range, ip: "10.77.0.1" });
  const sign = new Signer(genesis.network);
  const ips = ["10.77.0.2", "10.77.0.3"];
  const common = [left, right].map((each, index) => sign.admit(founder, each, { seq: index + 1, ip: ips[index] }));
  return { network: genesis.network, sign, common: [genesis.bytes, ...common] };
}

/** What an inviter does: it takes the address the key hashes to, as far as it knows who is there. */
function inviteAll(
  { network, sign, common }: ReturnType<typeof networkOf>,
  inviter: Machine,
  joiners: readonly (readonly [key: number, name: number])[],
): readonly Buffer[] {
  const told = [...common];
  for (const [index, [key, name]] of joiners.entries()) {
    const joiner = machine(`${inviter.name} ${key}`);
    const ip = freeAddress(judgeMembership(network, told), joiner.raw);
    if (ip !== undefined) told.push(sign.admit(inviter, joiner, { seq: index + 1, ip, name: `guest${name}` }));
  }
  return told;
}

const joiners = fc.uniqueArray(fc.tuple(fc.nat(40), fc.nat(3)), { maxLength: 12, selector: ([key]) => key });
const places = ({ members }: Membership): ReadonlyMap<string, Member> =>
  new Map(members.map((member) => [member.identity, member]));

describe("two partitions that each invite, and then meet", () => {
  test.each(["10.77.0.0/29", "10.77.0.0/27", "10.77.0.0/16"])(
    "have no address or name twice in %s, agree whatever came first, and only losers move",
    (range) => {
      const network = networkOf(range);
      const judge = (told: readonly Buffer[]): Membership => judgeMembership(network.network, told);
      fc.assert(
        fc.property(joiners, joiners, (one, other) => {
          const [here, there] = [inviteAll(network, left, one), inviteAll(network, right, other)];
          const merged = judge([...here, ...there]);
          expect(judge([...there.toReversed(), ...here.toReversed()])).toEqual(merged);
          expectUnique(merged, range);
          const after = places(merged);
          for (const before of [judge(here), judge(there)].flatMap(({ members }) => members)) {
            const member = after.get(before.identity);
            // Who keeps what it was admitted with has not moved; who does not, lost it to somebody nearer to the founder.
            expect(member?.lost.includes("ip")).toBe(member?.ip !== before.wantedIp);
            if (before.lost.length === 0 && member?.lost.length === 0) expect(member.ip).toBe(before.ip);
          }
        }),
        { numRuns: 40 },
      );
    },
    120_000,
  );

  test("only who has lost moves again when a third partition is heard of", () => {
    const network = networkOf("10.77.0.0/27");
    const [here, there] = [inviteAll(network, left, range(12)), inviteAll(network, right, range(12))];
    const before = places(judgeMembership(network.network, [...here, ...there.slice(0, 8)]));
    const after = judgeMembership(network.network, [...here, ...there]);
    for (const member of after.members) {
      if (!member.lost.includes("ip")) expect(member.ip).toBe(before.get(member.identity)?.wantedIp ?? member.wantedIp);
    }
  });
});

test("in a network that is too small for both partitions, who comes last is without an IPv4 address", () => {
  const network = networkOf("10.77.0.0/29");
  const told = [left, right].flatMap((inviter) => inviteAll(network, inviter, range(3)));
  const merged = judgeMembership(network.network, told);
  expect(merged.members).toHaveLength(9);
  expect(merged.members.filter(({ ip }) => ip === undefined)).toHaveLength(3);
  expectUnique(merged, "10.77.0.0/29");
});

test("a loser takes nothing from somebody who comes after it", () => {
  const network = networkOf("10.77.0.0/29");
  const { sign, common } = network;
  const [winner, loser, last] = [machine("winner"), machine("loser"), machine("last")];
  const told = [...common, sign.admit(founder, winner, { seq: 3, ip: "10.77.0.4", name: "guest" })];
  const lost = sign.admit(left, loser, { ip: "10.77.0.4", name: "guest" });
  const moved = places(judgeMembership(network.network, [...told, lost])).get(loser.identity);
  const squats = sign.admit(loser, last, { ip: moved?.ip, name: moved?.name });
  const after = places(judgeMembership(network.network, [...told, lost, squats]));
  expect(after.get(last.identity)).toMatchObject({ ip: moved?.ip, name: moved?.name, lost: [] });
  expect(after.get(loser.identity)?.ip).not.toBe(moved?.ip);
  expect(after.get(loser.identity)?.name).not.toBe(moved?.name);
});

test("somebody who has every name admitted that a loser could get does not make two of one name", () => {
  const network = networkOf("10.77.0.0/16");
  const { sign, common } = network;
  const loser = machine("loser");
  const letters = Array.from({ length: loser.node.length - 3 }, (_, index) => loser.node.slice(0, index + 4));
  const names = ["bob", ...letters.map((each) => `bob-${each}`), `bob-${loser.node}-2`];
  const squatters = names.map((name, index) =>
    sign.admit(left, machine(`squatter ${name}`), { seq: index + 1, name, ip: `10.77.9.${index + 1}` }),
  );
  const own = sign.admit(machine("squatter bob"), loser, { name: "bob" });
  const { members } = judgeMembership(network.network, [...common, ...squatters, own]);
  expect(members.find(({ identity }) => identity === loser.identity)?.name).toBe(`bob-${loser.node}-3`);
  expect(new Set(members.map(({ name }) => name)).size).toBe(members.length);
});

describe("the IPv6 address of a member", () => {
  const { network } = networkOf("10.77.0.0/16");

  test("is one for ever: it follows from the network and the identity alone", () => {
    expect(meshAddressV6(network, left.raw)).toBe("fd8a:e61b:73c0:a599:344:4a91:dc61:5309");
  });

  test("lies in the /48 of its network, is written in one way, and no two are equal", () => {
    const crew = Array.from({ length: 300 }, (_, index) => meshAddressV6(network, machine(`v6 ${index}`).raw));
    const [prefix] = meshAddressV6(network, founder.raw).split(/(?<=^[^:]+:[^:]+:[^:]+):/);
    for (const address of crew) {
      expect(isIPv6(address)).toBe(true);
      expect(address.startsWith("fd")).toBe(true);
      expect(address.startsWith(`${prefix}:`)).toBe(true);
      expect(new URL(`http://[${address}]/`).hostname).toBe(`[${address}]`);
    }
    expect(new Set(crew).size).toBe(crew.length);
  });

  test("is another one in another network", () => {
    const other = genesisOf(left).network;
    expect(meshAddressV6(other, left.raw).slice(0, 14)).not.toBe(meshAddressV6(network, left.raw).slice(0, 14));
  });
});

function expectUnique({ members }: Membership, cidr: string): void {
  for (const field of ["name", "ip"] as const) {
    const values = members.flatMap((member) => member[field] ?? []);
    expect(new Set(values).size).toBe(values.length);
  }
  for (const { ip } of members) if (ip !== undefined) expect(memberAddressProblem(ip, cidr)).toBeUndefined();
  // Nobody goes without while an address is free.
  const hosts = 2 ** (32 - Number(cidr.split("/")[1])) - 2;
  expect(members.filter(({ ip }) => ip !== undefined)).toHaveLength(Math.min(hosts, members.length));
}

function range(count: number): readonly (readonly [number, number])[] {
  return Array.from({ length: count }, (_, index) => [index, index % 3]);
}
