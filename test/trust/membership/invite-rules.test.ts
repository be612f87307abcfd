import { expect, test } from "vitest";
import { freeAddress, inviteProblem } from "../../../src/trust/membership/invite-rules.ts";
import { judgeMembership } from "../../../src/trust/membership/judge-membership.ts";
import { memberAddressProblem, tunnelEndpointProblem } from "../../../src/trust/membership/mesh-addresses.ts";
import { ann, annBob, bob, eve, genesis, mal, requestOf, sign } from "./invite-kit.ts";
import { cidr, genesisOf, machine, Signer } from "./kit.ts";

const crew = judgeMembership(genesis.network, [
  genesis.bytes,
  annBob,
  sign.admit(ann, mal, { seq: 2 }),
  sign.revoke(ann, mal, { seq: 3 }),
]);
const place = { name: eve.name, ip: eve.ip };

test("a stranger with a free name and a free address can be invited", () => {
  expect(inviteProblem(crew, requestOf(eve).request, place)).toBeUndefined();
});

test.each([
  ["a name somebody has", eve, { ...place, name: "bob" }, "the name bob is taken"],
  ["an address somebody has", eve, { ...place, ip: bob.ip }, `the address ${bob.ip} is bob's`],
  ["an address outside", eve, { ...place, ip: "10.9.0.1" }, "the address 10.9.0.1 is outside the network 10.77.0.0/16"],
  ["a member", bob, place, "this machine is a member already"],
  ["a revoked key", mal, place, "this key is out of the network for ever (Revoked): it needs a new identity"],
  [
    "a member's tunnel key",
    { ...eve, record: { ...eve.record, wireguardKey: bob.record.wireguardKey } },
    place,
    "its WireGuard key is a member's",
  ],
])("H-12: %s is refused when the invite is made", (_, joiner, wanted, problem) => {
  expect(inviteProblem(crew, requestOf(joiner).request, wanted)).toBe(problem);
});

test("a key hashes to the same free address at every inviter, and to the next one when that is taken", () => {
  const first = freeAddress(crew, eve.raw) ?? "";
  expect(memberAddressProblem(first, cidr)).toBeUndefined();
  expect(freeAddress(crew, eve.raw)).toBe(first);
  const holder = sign.admit(ann, machine("holder"), { seq: 4, ip: first });
  const second = freeAddress(judgeMembership(genesis.network, [genesis.bytes, holder]), eve.raw) ?? "";
  expect(second).not.toBe(first);
  expect(memberAddressProblem(second, cidr)).toBeUndefined();
});

test("all addresses of a small network are given out once, and then there is none", () => {
  const small = genesisOf(ann, { cidr: "10.77.0.0/29", ip: "10.77.0.1" });
  const statements: Buffer[] = [small.bytes];
  for (let seq = 1; seq <= 5; seq++) {
    const joiner = machine(`small${seq}`);
    const ip = freeAddress(judgeMembership(small.network, statements), joiner.raw);
    statements.push(new Signer(small.network).admit(ann, joiner, { seq, ip }));
  }
  const { members } = judgeMembership(small.network, statements);
  expect(members.map(({ ip }) => ip).toSorted((a = "", b = "") => (a < b ? -1 : 1))).toEqual(
    [1, 2, 3, 4, 5, 6].map((last) => `10.77.0.${last}`),
  );
  expect(freeAddress(judgeMembership(small.network, statements), eve.raw)).toBeUndefined();
});

test.each([
  ...["127.0.0.1:51820", "0.0.0.0:51820", "224.0.0.1:51820", "255.255.255.255:51820", "169.254.1.1:51820"],
  ...[
    "[::1]:51820",
    "[::]:51820",
    "[ff02::1]:51820",
    "[fe80::1]:51820",
    "[::ffff:127.0.0.1]:51820",
    "[0:0:0:0:0:0:0:1]:51820",
  ],
  ...[
    "10.0.0.1:0",
    "10.0.0.1:22",
    "10.0.0.1:70000",
    "10.0.0.1",
    "mail.example.net:51820",
    "10.0.0.1:51820\nPostUp = x",
  ],
  ...[
    "010.0.0.1:51820",
    "10.0.0:51820",
    "10.0.0.1:051820",
    "[10.0.0.1]:51820",
    "2001:db8::1:51820",
    "[fe80::1%eth0]:51820",
    "",
  ],
])("G-08: the endpoint %j is not taken from others", (endpoint) => {
  expect(tunnelEndpointProblem(endpoint)).toBeTypeOf("string");
});

test.each(["192.0.2.1:51820", "10.0.0.1:1024", "192.168.1.9:65535", "[2001:db8::1]:51820", "[fd00::1]:5557"])(
  "the endpoint %s is taken from others",
  (endpoint) => {
    expect(tunnelEndpointProblem(endpoint)).toBeUndefined();
  },
);
