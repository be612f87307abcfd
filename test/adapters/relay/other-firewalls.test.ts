import { describe, expect, test } from "vitest";
import { findDroppers, letsThrough } from "../../../src/adapters/relay/foreign-chains.ts";
import { planAccept } from "../../../src/adapters/relay/iptables-accept.ts";

const mark = "-i homie0 -o homie0 -m comment --comment homie-relay-homie0 -j ACCEPT";
const quoted = mark.replace("homie-relay-homie0", '"homie-relay-homie0"');
const foreign = "-i homie0 -o homie0 -m comment --comment mine -j ACCEPT";

describe("the way through iptables", () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["nothing is filtered", ["-P FORWARD ACCEPT"], []],
    ["the policy is to drop", ["-P FORWARD DROP"], [`-I FORWARD 1 ${mark}`]],
    ["a rule rejects", ["-P FORWARD ACCEPT", "-A FORWARD -j REJECT"], [`-I FORWARD 1 ${mark}`]],
    ["it is there", ["-P FORWARD DROP", `-A FORWARD ${quoted}`], []],
    [
      "another rule came before it",
      ["-P FORWARD DROP", "-A FORWARD -j REJECT", `-A FORWARD ${mark}`],
      [`-D FORWARD ${mark}`, `-I FORWARD 1 ${mark}`],
    ],
    [
      "it is there twice",
      ["-P FORWARD DROP", `-A FORWARD ${mark}`, `-A FORWARD ${mark}`],
      [`-D FORWARD ${mark}`, `-D FORWARD ${mark}`, `-I FORWARD 1 ${mark}`],
    ],
    ["it is needed no more", ["-P FORWARD ACCEPT", `-A FORWARD ${mark}`], [`-D FORWARD ${mark}`]],
    [
      "Docker has a chain for it",
      ["-P FORWARD DROP", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"],
      [`-I DOCKER-USER 1 ${mark}`],
    ],
    [
      "Docker came later",
      ["-P FORWARD DROP", "-A FORWARD -j DOCKER-USER", `-A FORWARD ${mark}`],
      [`-D FORWARD ${mark}`, `-I DOCKER-USER 1 ${mark}`],
    ],
    [
      "Docker has gone and left its chain",
      ["-P FORWARD DROP", `-A DOCKER-USER ${mark}`],
      [`-I FORWARD 1 ${mark}`, `-D DOCKER-USER ${mark}`],
    ],
    ["a rule of somebody's is alike", ["-P FORWARD DROP", `-A FORWARD ${foreign}`], [`-I FORWARD 1 ${mark}`]],
  ];
  test.each(cases)("when %s", (_title, listing, commands) => {
    expect(planAccept("homie0", true, listing.join("\n")).map((each) => each.join(" "))).toEqual(commands);
  });

  test("is taken back, and no rule of anybody else", () => {
    const listing = ["-P FORWARD DROP", `-A FORWARD ${foreign}`, `-A FORWARD ${quoted}`, `-A DOCKER-USER ${mark}`];
    expect(planAccept("homie0", false, listing.join("\n")).map((each) => each.join(" "))).toEqual([
      `-D FORWARD ${mark}`,
      `-D DOCKER-USER ${mark}`,
    ]);
    // Another network of this machine.
    const other = `-A FORWARD ${mark.replaceAll("homie0", "homie00")}`;
    expect(planAccept("homie0", false, other)).toEqual([]);
  });
});

describe("a chain that drops what we let pass", () => {
  const chain = (family: string, table: string, name: string, more: object = {}): object => ({
    chain: { family, table, name, hook: "forward", policy: "drop", ...more },
  });
  const listed = (...chains: readonly object[]): string =>
    JSON.stringify({ nftables: [{ metainfo: {} }, { table: {} }, null, ...chains] });
  const known = { ours: "homie_homie0", iptables: true };

  test("is found, unless it is ours, that of iptables, or sees no routed packet", () => {
    const json = listed(
      chain("inet", "firewalld", "filter_FORWARD"),
      chain("ip", "filter", "FORWARD"),
      chain("ip6", "filter", "FORWARD"),
      chain("bridge", "filter", "FORWARD"),
      chain("inet", "homie_homie0", "forward"),
      chain("inet", "mine", "open", { policy: "accept" }),
      chain("inet", "mine", "in", { hook: "input" }),
      chain("ip", "evil; flush ruleset", "x"),
    );
    expect(findDroppers(json, known)).toEqual([
      { family: "inet", table: "firewalld", chain: "filter_FORWARD" },
      { family: "ip", table: "(an odd name)", chain: "x" },
    ]);
    expect(findDroppers(listed(chain("ip", "filter", "FORWARD")), { ...known, iptables: false })).toHaveLength(1);
  });

  test("lets us through by a rule that accepts and names the interface", () => {
    const rule = '\t\tiifname "homie0" oifname "homie0" accept';
    expect(letsThrough(`chain f {\n${rule}\n}`, "homie0")).toBe(true);
    expect(letsThrough(`chain f {\n${rule.replace("accept", "drop")}\n\t\tiifname "eth0" accept\n}`, "homie0")).toBe(
      false,
    );
    expect(letsThrough(`chain f {\n${rule}\n}`, "homie")).toBe(false);
  });

  test.each(["", "{", "[]", '{"nftables":{}}'])("is not looked for in what nft does not say: %s", (text) => {
    expect(() => findDroppers(text, known)).toThrow(/the chains nft lists/);
  });
});
