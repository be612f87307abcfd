import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkConfig } from "../../../src/adapters/wireguard/config.ts";
import type { MeshMemberSight } from "../../../src/controllers/network/ports.ts";
import { countRelayed, isJoined, renderRelay, renderTunnel } from "../../../src/controllers/network/render-tunnel.ts";
import type { Tunnel } from "../../../src/paths/types.ts";
import { privateKeyOf, publicKeyOf } from "../../adapters/wireguard/configs.ts";
import { aMember, aSight, type Joined } from "./sights.ts";

/** Who carries what, in short. */
const carried = (sight: Joined): Record<string, readonly string[]> =>
  Object.fromEntries(renderTunnel({}, sight).peers.map(({ publicKey, allowedIps }) => [publicKey, allowedIps]));
const [two, three] = [
  ["10.77.0.2/32", "fd00:77::2/128"],
  ["10.77.0.3/32", "fd00:77::3/128"],
];

describe("the configuration of the interface", () => {
  test("has one peer for each member, single addresses alone, and the defaults", () => {
    expect(renderTunnel({}, aSight())).toEqual({
      listenPort: 51_820,
      addresses: ["10.77.0.1/32", "fd00:77::1/128"],
      mtu: 1_280,
      peers: [
        { publicKey: "key2", allowedIps: two },
        { publicKey: "key3", allowedIps: three },
      ],
    });
  });

  test("has the port and the MTU of the file, and where the path finder wants to look", () => {
    const tunnels: Tunnel[] = [{ node: "node2", carries: ["node2"], endpoint: "192.0.2.2:5", keepaliveSeconds: 25 }];
    const { listenPort, mtu, peers } = renderTunnel({ listenPort: 4_444, mtu: 1_400 }, aSight({ tunnels }));
    expect([listenPort, mtu]).toEqual([4_444, 1_400]);
    expect(peers[0]).toEqual({ publicKey: "key2", allowedIps: two, endpoint: "192.0.2.2:5", keepaliveSeconds: 25 });
  });

  const relayed: Tunnel[] = [
    { node: "node2", carries: ["node2", "node3"] },
    { node: "node3", carries: [] },
  ];
  const cases: readonly [string, Partial<Joined>, Record<string, readonly string[] | undefined>][] = [
    [
      "a relay carries another member too, which is only probed",
      { tunnels: relayed },
      { key2: [...two, ...three], key3: [] },
    ],
    [
      "a member that only a relay's tunnel speaks of does not carry itself as well",
      { tunnels: relayed.slice(0, 1) },
      { key2: [...two, ...three], key3: [] },
    ],
    [
      "a member that is probed and carried by nobody has no address anywhere",
      { tunnels: relayed.slice(1) },
      { key2: two, key3: [] },
    ],
    [
      "of two carriers the member itself wins",
      { tunnels: [...relayed.slice(0, 1), { node: "node3", carries: ["node3"] }] },
      { key2: two, key3: three },
    ],
    [
      "of two other carriers the first by node id wins",
      {
        others: [aMember(2), aMember(3), aMember(4)],
        tunnels: [
          { node: "node3", carries: ["node3", "node4"] },
          { node: "node2", carries: ["node2", "node4"] },
          { node: "node4", carries: [] },
        ],
      },
      { key2: [...two, "10.77.0.4/32", "fd00:77::4/128"], key3: three, key4: [] },
    ],
    [
      "a tunnel of somebody who is no member counts for nothing",
      { tunnels: [{ node: "gone", carries: ["gone", "node2"] }] },
      { key2: two, key3: three },
    ],
    [
      "strangers and this machine itself are not carried",
      { tunnels: [{ node: "node2", carries: ["node2", "node1", "nobody"] }] },
      { key2: two, key3: three },
    ],
    [
      "a member without an IPv4 address carries its IPv6 address",
      { others: [lacking(aMember(2), "ip")] },
      { key2: ["fd00:77::2/128"] },
    ],
    [
      "a member that lost its key is no peer",
      { others: [lacking(aMember(2), "wireguardKey"), aMember(3)] },
      { key3: three },
    ],
    [
      "a key that is there twice is one peer, and this machine's own none",
      { others: [aMember(2), aMember(3, { wireguardKey: "key2" }), aMember(4, { wireguardKey: "key1" })] },
      { key2: two },
    ],
  ];
  test.each(cases)("%s", (_, changes, expected) => {
    expect(carried(aSight(changes))).toEqual(expected);
  });

  test("is the same whatever order members and tunnels come in", () => {
    const sight = aSight({ tunnels: relayed });
    const turned = { ...sight, others: sight.others.toReversed(), tunnels: relayed.toReversed() };
    expect(renderTunnel({}, turned)).toEqual(renderTunnel({}, sight));
  });

  test("is always one that WireGuard takes, and no address has two carriers", () => {
    const number = fc.integer({ min: 0, max: 7 });
    const tunnel = fc.record({ node: number, carries: fc.array(number, { maxLength: 5 }) });
    fc.assert(
      fc.property(fc.uniqueArray(number, { maxLength: 6 }), fc.array(tunnel, { maxLength: 8 }), (members, tunnels) => {
        const real = (index: number): MeshMemberSight => aMember(index, { wireguardKey: publicKeyOf(index + 10) });
        const sight = aSight({
          own: real(9),
          others: members.map(real),
          tunnels: tunnels.map(({ node, carries }) => ({
            node: `node${node}`,
            carries: carries.map((each) => `node${each}`),
          })),
        });
        const config = renderTunnel({}, sight);
        expect(() => checkConfig({ ...config, privateKey: privateKeyOf(19) })).not.toThrow();
        expect(config.peers).toHaveLength(members.length);
      }),
    );
  });
});

test("relayed members are those that another one carries", () => {
  expect(countRelayed(aSight())).toBe(0);
  expect(countRelayed(aSight({ tunnels: [{ node: "node2", carries: ["node2", "node3"] }] }))).toBe(1);
});

test("the relay lets the addresses of members through, this machine's own among them, and is on unless the owner says otherwise", () => {
  const sight = aSight({ others: [aMember(3), lacking(aMember(2), "ip")] });
  const addresses = ["10.77.0.1", "fd00:77::1", "fd00:77::2", "10.77.0.3", "fd00:77::3"];
  expect(renderRelay({}, sight)).toEqual({ enabled: true, addresses });
  expect(renderRelay({ relay: { enabled: false, maxMbit: 5 } }, sight)).toEqual({
    enabled: false,
    maxMbit: 5,
    addresses,
  });
});

test("a machine that was removed, or whose key somebody else has, takes no part", () => {
  expect(isJoined(aSight())).toBe(true);
  expect(isJoined({ ...aSight(), own: "removed" })).toBe(false);
  expect(isJoined({ ...aSight(), own: lacking(aMember(1), "wireguardKey") })).toBe(false);
});

function lacking(member: MeshMemberSight, field: "ip" | "wireguardKey"): MeshMemberSight {
  const { [field]: _, ...rest } = member;
  return rest;
}
