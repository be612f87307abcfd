import { describe, expect, test } from "vitest";
import { chooseNetwork } from "../../../src/controllers/network/choose-network.ts";
import { planNetwork, type Failure, type NetworkActual } from "../../../src/controllers/network/plan.ts";
import { renderRelay, renderTunnel } from "../../../src/controllers/network/render-tunnel.ts";
import { summarizeNetwork } from "../../../src/controllers/network/summarize.ts";
import type { Network } from "../../../src/resources/network.ts";
import { aMember, aNetwork, aSight, type Joined } from "./sights.ts";

const now = new Date("2026-01-01T00:10:00Z");
const wantedOf = (sight: Joined): NonNullable<NetworkActual["wanted"]> => ({
  tunnel: renderTunnel({}, sight),
  relay: renderRelay({}, sight),
});
const relay = { wanted: wantedOf(aSight()).relay, outcome: { active: true }, ageMs: 0 };
const up: NetworkActual = {
  counts: true,
  sight: aSight(),
  wanted: wantedOf(aSight()),
  ...{ converged: true, peers: 2, rendered: true, cleared: false, relay },
};
const down: NetworkActual = { ...up, converged: false, peers: 0, rendered: false, cleared: false };
const noRoot: Failure = {
  step: "Apply",
  code: "MeshUnavailable",
  message: "it needs root",
  hint: "run x",
  waitMs: 9_000,
};
const alone: NetworkActual = { counts: true, converged: false, peers: 0, rendered: false, cleared: false };
const unclaimed: Network = { ...aNetwork(), metadata: { ...aNetwork().metadata, finalizers: [] } };
const deleted = aNetwork({ deleted: true });
const { relay: _, ...withoutRelay } = down;

const rows: readonly [string, Network, NetworkActual, readonly string[]][] = [
  ["what is as wanted is left alone", aNetwork(), up, []],
  [
    "an object is claimed before anything is made for it, and rules come before the interface",
    unclaimed,
    withoutRelay,
    ["Claim", "Relay", "Apply"],
  ],
  ["an interface that differs is put right", aNetwork(), down, ["Apply"]],
  ["what failed is not tried again at once", aNetwork(), { ...down, failure: noRoot }, []],
  ["and is tried again in time", aNetwork(), { ...down, failure: { ...noRoot, waitMs: 0 } }, ["Apply"]],
  [
    "rules follow the members",
    aNetwork(),
    { ...up, relay: { ...relay, wanted: { ...relay.wanted, addresses: [] } } },
    ["Relay"],
  ],
  ["rules are looked at again after 30 s", aNetwork(), { ...up, relay: { ...relay, ageMs: 30_000 } }, ["Relay"]],
  ["a machine that is in no network clears what an earlier daemon left", aNetwork(), alone, ["Remove"]],
  ["and does so once", aNetwork(), { ...alone, cleared: true }, []],
  [
    "a machine that was removed takes its interface down",
    aNetwork(),
    { ...alone, sight: { ...aSight(), own: "removed" } },
    ["Remove"],
  ],
  [
    "what cannot be removed is not tried again at once",
    aNetwork(),
    { ...alone, failure: { ...noRoot, step: "Remove" } },
    [],
  ],
  ["a deleted network takes its interface down first", deleted, up, ["Remove"]],
  ["and then it goes", deleted, { ...alone, cleared: true }, ["Release"]],
  [
    "a deleted network that holds nothing has nothing to do",
    { ...deleted, metadata: { ...deleted.metadata, finalizers: ["x"] } },
    { ...alone, cleared: true },
    [],
  ],
  ["a second network does nothing", aNetwork({ name: "office" }), { ...alone, counts: { name: "homelab" } }, []],
  [
    "a second network that is deleted goes, and the interface stays",
    aNetwork({ name: "office", deleted: true }),
    { ...alone, counts: { name: "homelab" } },
    ["Release"],
  ],
];

test.each(rows)("%s", (_title, network, actual, types) => {
  expect(planNetwork(network, actual).map(({ type }) => type)).toEqual(types);
});

describe("of several Network objects one counts", () => {
  const [older, newer] = [aNetwork({ name: "office", age: 5 }), aNetwork({ name: "homelab", age: 1 })];
  const leaving = aNetwork({ name: "attic", age: 9, deleted: true });
  test.each([
    ["that of the mesh this machine is in", [older, newer, leaving], "homelab", newer],
    ["that of the mesh also while it goes", [older, leaving], "attic", leaving],
    ["else one that stays, the oldest first", [newer, older, leaving], undefined, older],
    ["else one that goes", [leaving], "homelab", leaving],
  ])("%s", (_title, networks, mesh, expected) => {
    expect(chooseNetwork(networks, mesh)).toBe(expected);
    expect(chooseNetwork(networks.toReversed(), mesh)).toBe(expected);
  });
  test("none of none", () => expect(chooseNetwork([], "homelab")).toBeUndefined());
});

describe("the status", () => {
  const told = (actual: NetworkActual, network = aNetwork()): Record<string, string> =>
    Object.fromEntries(
      (summarizeNetwork(network, actual, now).status.conditions ?? []).map((each) => [
        each.type,
        `${each.status} ${each.reason}`,
      ]),
    );

  test("of a machine in a mesh has its key, its addresses, and how many are reached how", () => {
    const sight = aSight({ tunnels: [{ node: "node2", carries: ["node2", "node3"] }] });
    const { status, result } = summarizeNetwork(aNetwork(), { ...up, sight, wanted: wantedOf(sight) }, now);
    expect(status).toMatchObject({
      ...{
        observedGeneration: 1,
        publicKey: "key1",
        address: "10.77.0.1",
        addressV6: "fd00:77::1",
        peers: 2,
        relays: 1,
      },
    });
    expect(told(up)).toEqual({
      Member: "True Admitted",
      ConfigRendered: "True Written",
      InterfaceReady: "True AsConfigured",
      AddressUnique: "True Admitted",
      Relaying: "True Forwarding",
    });
    expect(result).toEqual({ requeueAfterMs: 30_000 });
  });

  test("F-42: says what to run when the rights are missing, that the file is there, and when it tries again", () => {
    const { status, result } = summarizeNetwork(aNetwork(), { ...down, rendered: true, failure: noRoot }, now);
    expect(status.conditions).toContainEqual({
      ...{ type: "InterfaceReady", status: "False", reason: "MeshUnavailable", message: "it needs root; run x" },
      lastTransitionTime: "2026-01-01T00:10:00Z",
    });
    expect(told({ ...down, rendered: true, failure: noRoot })["ConfigRendered"]).toBe("True Written");
    expect(result).toEqual({ requeueAfterMs: 9_000 });
  });

  const own = aMember(1);
  const { ip: _ip, ...full } = own;
  const { wireguardKey: _key, ...keyless } = own;
  const elsewhere = { active: false, problem: { message: "nft is missing" } };
  const conditions: readonly [string, NetworkActual, string, string, Network?][] = [
    [
      "a file that cannot be written",
      { ...down, failure: { ...noRoot, code: "StateUnusable" } },
      "ConfigRendered",
      "False StateUnusable",
    ],
    ["what has not been tried yet", down, "InterfaceReady", "Unknown NotYet"],
    ["a machine that is in no network", { ...alone, cleared: true }, "Member", "False NotJoined"],
    ["a machine that is in another network", up, "Member", "False OtherNetwork", aNetwork({ name: "office" })],
    ["a machine that was removed", { ...alone, sight: { ...aSight(), own: "removed" } }, "Member", "False Removed"],
    ["a second network", { ...alone, counts: { name: "homelab" } }, "Member", "False OnlyOneNetwork"],
    ["an interface that is about to go", alone, "InterfaceReady", "False Leaving"],
    ["an interface that is gone", { ...alone, cleared: true }, "InterfaceReady", "False NotNeeded"],
    ["a key that somebody else has", { ...alone, sight: aSight({ own: keyless }) }, "InterfaceReady", "False KeyTaken"],
    ["a network without a free address", { ...up, sight: aSight({ own: full }) }, "AddressUnique", "False NetworkFull"],
    [
      "an address that was lost",
      { ...up, sight: aSight({ own: { ...own, wantedIp: "10.77.0.9" } }) },
      "AddressUnique",
      "True Reassigned",
    ],
    ["rules that cannot be set", { ...up, relay: { ...relay, outcome: elsewhere } }, "Relaying", "False RulesFailed"],
    [
      "relaying that the owner does not want",
      { ...up, relay: { ...relay, outcome: { active: false } } },
      "Relaying",
      "False Disabled",
      aNetwork({ spec: { relay: { enabled: false } } }),
    ],
    [
      "a range in the file that is not the network's",
      up,
      "CidrMatches",
      "False CidrDiffers",
      aNetwork({ spec: { cidr: "10.9.0.0/16" } }),
    ],
  ];
  test.each(conditions)("tells of %s", (_title, actual, type, expected, network) => {
    expect(told(actual, network)[type]).toBe(expected);
  });

  test("does not change by itself", () => {
    const { status } = summarizeNetwork(aNetwork(), up, now);
    const again = summarizeNetwork(
      { ...aNetwork(), status },
      { ...up, relay: { ...relay, ageMs: 999 } },
      new Date(now.getTime() + 1e6),
    );
    expect(again.status).toEqual(status);
  });

  test("has no address of a network this machine is not in", () => {
    const { status } = summarizeNetwork(
      aNetwork({ name: "office" }),
      { ...up, sight: aSight({ own: aMember(1) }) },
      now,
    );
    expect(Object.keys(status)).toEqual(["observedGeneration", "conditions"]);
  });
});
