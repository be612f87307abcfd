import { describe, expect, test } from "vitest";
import { parseRoutes, planRoutes, routesFor } from "../../../src/adapters/wireguard/host-routes.ts";

describe("routes into the tunnel", () => {
  test("are those of all networks that peers may have, each once and in one way of writing", () => {
    const peers = [{ allowedIps: ["10.99.0.2/32", "FD00:77:0::2/128"] }, { allowedIps: ["10.99.0.3/32"] }];
    expect([...routesFor(peers)]).toEqual(["10.99.0.2/32", "fd00:77::2/128", "10.99.0.3/32"]);
  });

  test("are read as ip prints them, without those the kernel made", () => {
    const text = JSON.stringify([
      { dst: "10.99.0.2", protocol: "static", scope: "link", flags: [] },
      { dst: "10.99.0.0/16", protocol: "kernel", scope: "link", prefsrc: "10.99.0.1" },
      { dst: "fd00:77::2", protocol: "static", metric: 1024 },
      { dst: "fe80::/64", protocol: "kernel", metric: 256 },
      { dst: "default", protocol: "boot" },
      "nonsense",
    ]);
    expect(parseRoutes(text)).toEqual(["10.99.0.2/32", "fd00:77::2/128"]);
    expect(parseRoutes("")).toEqual([]);
    for (const broken of ["{", "{}"]) expect(() => parseRoutes(broken)).toThrow(/what ip says of routes/);
  });

  test("are added before others go, and nothing is done when they are there", () => {
    const wanted = new Set(["10.99.0.2/32", "fd00:77::2/128"]);
    expect(planRoutes("homie0", wanted, new Set(["10.99.0.9/32", "10.99.0.2/32"]))).toEqual([
      "route replace fd00:77::2/128 dev homie0 proto static",
      "route del 10.99.0.9/32 dev homie0",
    ]);
    expect(planRoutes("homie0", wanted, wanted)).toEqual([]);
  });
});
