import { describe, expect, it } from "vitest";
import { closedRanges, specialRanges } from "../../../src/adapters/egress/ranges.ts";
import { renderEgressRuleset } from "../../../src/adapters/egress/ruleset.ts";
import { parseResolvers } from "../../../src/adapters/egress/surroundings.ts";

describe("what a Job must not reach", () => {
  it("is every special range and every network of this machine, public ones too", () => {
    expect(closedRanges(["12.0.0.1/24", "10.0.0.1/8"])).toEqual(
      [...specialRanges, "12.0.0.1/24", "10.0.0.1/8"].toSorted(),
    );
  });

  it("does not grow to the internet because a VPN routes one half of it", () => {
    expect(closedRanges(["0.0.0.0/1", "128.0.0.0/1"])).toEqual([...specialRanges].toSorted());
  });
});

describe("the name servers of a machine", () => {
  it("are the IPv4 addresses resolv.conf names, each once", () => {
    const text =
      "# x\nsearch a.example\nnameserver 10.0.0.2\n nameserver 10.0.0.1 \nnameserver fe80::1%eth0\nnameserver 10.0.0.2\nnameserver; 1.2.3.4\n";
    expect(parseResolvers(text)).toEqual(["10.0.0.1", "10.0.0.2"]);
  });
});

describe("the rules", () => {
  const rules = { bridge: "homie-filtered", subnet: "172.18.0.0/16", closed: ["10.0.0.0/8"], resolvers: ["10.0.0.1"] };
  const chain = (name: string, text: string): readonly string[] => {
    const from = text.slice(text.indexOf(`chain ${name} {`));
    return from
      .slice(0, from.indexOf("}\n"))
      .split("\n")
      .slice(2)
      .map((line) => line.trim());
  };

  it("let names through before they close what is near", () => {
    const forward = chain("forward", renderEgressRuleset(rules));
    const names = forward.findIndex((rule) => rule.includes("udp dport 53 accept"));
    const closing = forward.findIndex((rule) => rule.includes("@closed drop"));
    expect(names).toBeGreaterThan(-1);
    expect(closing).toBeGreaterThan(names);
  });

  it("end with nothing that comes in but answers", () => {
    const forward = chain("forward", renderEgressRuleset(rules)).filter((rule) => rule !== "");
    expect(forward.slice(-2)).toEqual([
      'oifname "homie-filtered" ct state established,related accept',
      'oifname "homie-filtered" drop',
    ]);
  });

  it("name no server where there is none: an empty set would be refused", () => {
    expect(renderEgressRuleset({ ...rules, resolvers: [] })).not.toContain("dport 53");
  });
});
