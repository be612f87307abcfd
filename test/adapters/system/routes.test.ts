import { describe, expect, test } from "vitest";
import { cidrClash, parseGateway, parseNetworks, pickCidr } from "../../../src/adapters/system/routes.ts";

const home = [
  { cidr: "192.168.1.0/24", interface: "wlan0" },
  { cidr: "10.77.0.0/16", interface: "tun0" },
];

const written = (...entries: readonly unknown[]): string => JSON.stringify(entries);

describe("networks of this machine", () => {
  test("are its routes, without defaults, loopback, broadcasts and tunnels of homie", () => {
    const text = written(
      { dst: "default", gateway: "192.168.1.1", dev: "wlan0" },
      { dst: "192.168.1.0/24", dev: "wlan0", protocol: "kernel", scope: "link" },
      { dst: "10.8.0.1", dev: "tun0" },
      { dst: "10.99.0.7", dev: "homie0" },
      { type: "local", dst: "192.168.1.7", dev: "wlan0", table: "local" },
      { type: "broadcast", dst: "192.168.1.255", dev: "wlan0", table: "local" },
      { type: "unreachable", dst: "10.0.0.0/8" },
      { dst: "127.0.0.0/8", dev: "lo" },
      { dst: "odd", dev: "x" },
      null,
    );
    expect(parseNetworks(text, "")).toEqual([
      { cidr: "192.168.1.0/24", interface: "wlan0" },
      { cidr: "10.8.0.1/32", interface: "tun0" },
    ]);
    for (const broken of ["[", "{}"]) {
      expect(() => parseNetworks(broken, "")).toThrow(/the networks ip lists/);
      expect(() => parseNetworks("", broken)).toThrow(/the networks ip lists/);
    }
  });

  test("are what its interfaces have addresses in, with a route or without, each once", () => {
    const links = written(
      { ifname: "lo", addr_info: [{ local: "127.0.0.1", prefixlen: 8 }] },
      { ifname: "wlan0", addr_info: [{ local: "192.168.1.7", prefixlen: 24 }] },
      { ifname: "eth1", addr_info: [{ local: "10.20.30.40", prefixlen: 12 }, { local: 7 }] },
      { ifname: "homie0", addr_info: [{ local: "10.99.0.1", prefixlen: 32 }] },
      {},
    );
    expect(parseNetworks(written({ dst: "192.168.1.0/24", dev: "wlan0" }), links)).toEqual([
      { cidr: "192.168.1.0/24", interface: "wlan0" },
      { cidr: "10.16.0.0/12", interface: "eth1" },
    ]);
  });

  test("are those by several ways too, and no default route that a VPN has cut in two", () => {
    const text = written(
      { dst: "10.50.0.0/16", nexthops: [{ dev: "eth0" }, { dev: "eth1" }, {}] },
      { dst: "0.0.0.0/1", dev: "tun0" },
      { dst: "128.0.0.0/1", dev: "tun0" },
      { dst: "10.0.0.0/8", dev: "corp0" },
    );
    expect(parseNetworks(text, "")).toEqual([
      { cidr: "10.50.0.0/16", interface: "eth0" },
      { cidr: "10.50.0.0/16", interface: "eth1" },
      { cidr: "10.0.0.0/8", interface: "corp0" },
    ]);
  });

  test.each([
    ["10.77.0.0/16", "10.77.0.0/16 (tun0)"],
    ["10.77.3.0/24", "10.77.0.0/16 (tun0)"],
    ["10.0.0.0/8", "10.77.0.0/16 (tun0)"],
    ["192.168.0.0/16", "192.168.1.0/24 (wlan0)"],
    ["10.78.0.0/16", undefined],
  ])("%s clashes with: %s", (cidr, clash) => {
    expect(cidrClash(cidr, home)).toBe(clash);
  });

  test("leave a range free, whatever the dice say", () => {
    for (let step = 0; step < 100; step += 1) {
      const cidr = pickCidr(home, () => step / 100);
      expect(cidr).toMatch(/^10\.\d+\.0\.0\/16$/);
      expect(cidrClash(cidr, home)).toBeUndefined();
      expect(cidr).not.toBe("10.210.0.0/16");
    }
  });

  test("that fill all of 10.0.0.0/8 leave none, and that is said", () => {
    expect(() => pickCidr([{ cidr: "10.0.0.0/8", interface: "corp0" }], () => 0)).toThrow(/is free here/);
  });
});

describe("the router of this machine", () => {
  const links = JSON.stringify([
    { ifname: "eth0", addr_info: [{ local: "192.168.1.7", prefixlen: 24 }] },
    { ifname: "wlan0", addr_info: [{ local: "192.168.9.7", prefixlen: 24 }] },
  ]);

  test("is that of the default route that counts, with this machine's address towards it", () => {
    const routes = [
      { dst: "default", gateway: "192.168.9.1", dev: "wlan0", metric: 600, prefsrc: "192.168.9.8" },
      { dst: "default", gateway: "192.168.1.1", dev: "eth0", metric: 100 },
    ];
    expect(parseGateway(JSON.stringify(routes), links)).toEqual({ gateway: "192.168.1.1", localHost: "192.168.1.7" });
    expect(parseGateway(JSON.stringify(routes.slice(0, 1)), links)).toEqual({
      gateway: "192.168.9.1",
      localHost: "192.168.9.8",
    });
  });

  test.each([
    "[]",
    JSON.stringify([{ dst: "default", dev: "ppp0" }]),
    JSON.stringify([{ gateway: "10.0.0.1", dev: "gone0" }]),
  ])("is unknown where the routes are %s", (routes) => {
    expect(parseGateway(routes, links)).toBeUndefined();
  });
});
