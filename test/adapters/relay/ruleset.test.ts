import { describe, expect, test } from "vitest";
import { parseWasHost, type RelayRules, renderRuleset } from "../../../src/adapters/relay/ruleset.ts";

const rules: RelayRules = {
  interface: "homie0",
  enabled: true,
  addresses4: ["10.99.0.1", "10.99.0.2"],
  addresses6: ["fd00:77::1"],
};

function chainOf(ruleset: string, name: string): readonly string[] {
  const lines = ruleset.split("\n").map((line) => line.trim());
  const start = lines.indexOf(`chain ${name} {`);
  return lines.slice(start + 1, lines.indexOf("}", start));
}

describe("the rules", () => {
  test("replace the table as a whole, whether it was there or not", () => {
    expect(renderRuleset(rules).split("\n").slice(0, 3)).toEqual([
      "table inet homie_homie0 {}",
      "delete table inet homie_homie0",
      "table inet homie_homie0 {",
    ]);
  });

  test("let packets pass from member to member, and drop what else has to do with the interface", () => {
    expect(chainOf(renderRuleset(rules), "forward")).toEqual([
      "type filter hook forward priority -10; policy accept;",
      'iifname != "homie0" oifname != "homie0" accept',
      'iifname "homie0" oifname "homie0" ip saddr @members4 ip daddr @members4 jump capped',
      'iifname "homie0" oifname "homie0" ip6 saddr @members6 ip6 daddr @members6 jump capped',
      "drop",
    ]);
  });

  test("let nothing pass while relaying is off", () => {
    expect(chainOf(renderRuleset({ ...rules, enabled: false }), "forward")).toEqual([
      "type filter hook forward priority -10; policy accept;",
      'iifname != "homie0" oifname != "homie0" accept',
      "drop",
    ]);
  });

  test.each([
    [undefined, ["accept"]],
    [1_250_000, ["limit rate over 1250000 bytes/second burst 262144 bytes drop", "accept"]],
    [125_000_000, ["limit rate over 125000000 bytes/second burst 12500000 bytes drop", "accept"]],
  ])("with a cap of %s bytes a second are: %j", (bytesPerSecond, lines) => {
    const capped = bytesPerSecond === undefined ? rules : { ...rules, bytesPerSecond };
    expect(chainOf(renderRuleset(capped), "capped")).toEqual(lines);
  });

  test("hold a set without members where there are none", () => {
    expect(renderRuleset({ ...rules, addresses6: [] })).toContain("set members6 { type ipv6_addr; }");
  });

  test("forward nothing for neighbours of a machine that became a router because it relays", () => {
    const text = renderRuleset({ ...rules, wasHost: { hosts: ["eth0", "wlan0"], listeners: ["wlan0"] } });
    expect(text).toContain('set hosts { type ifname; elements = { "eth0", "wlan0" }; }');
    expect(chainOf(text, "forward").slice(1, 3)).toEqual([
      'meta nfproto ipv6 iifname @hosts oifname != "homie0" ct state new ct status dnat accept',
      'meta nfproto ipv6 iifname @hosts oifname != "homie0" ct state new drop',
    ]);
  });
});

describe("how the machine was before", () => {
  test("is read back from what nft lists", () => {
    const listing = [
      "table inet homie_homie0 {",
      "\tset members4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.99.0.1 }\n\t}",
      '\tset hosts {\n\t\ttype ifname\n\t\telements = { "eth0",\n\t\t\t     "wlan0" }\n\t}',
      "\tset listeners {\n\t\ttype ifname\n\t}\n}",
    ].join("\n");
    expect(parseWasHost(listing)).toEqual({ hosts: ["eth0", "wlan0"], listeners: [] });
  });

  test("is unknown where we have not changed it", () => {
    expect(parseWasHost("")).toBeUndefined();
    expect(parseWasHost("table inet homie_homie0 {\n\tset members4 {\n\t\ttype ipv4_addr\n\t}\n}")).toBeUndefined();
  });
});
