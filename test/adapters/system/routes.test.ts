import { describe, expect, test } from "vitest";
import { cidrClash, parseNetworks, pickCidr } from "../../../src/adapters/system/routes.ts";

const home = [
  { cidr: "192.168.1.0/24", interface: "wlan0" },
  { cidr: "10.77.0.0/16", interface: "tun0" },
];

describe("networks of this machine", () => {
  test("are its routes, without defaults, loopback, broadcasts and tunnels of homie", () => {
    const text = JSON.stringify([
      { dst: "default", gateway: "192.168.1.1", dev: "wlan0" },
      { dst: "192.168.1.0/24", dev: "wlan0", protocol: "kernel", scope: "link" },
      { dst: "10.8.0.1", dev: "tun0" },
      { dst: "10.99.0.7", dev: "homie0" },
      { type: "local", dst: "192.168.1.7", dev: "wlan0", table: "local" },
      { type: "broadcast", dst: "192.168.1.255", dev: "wlan0", table: "local" },
      { dst: "127.0.0.0/8", dev: "lo" },
      { dst: "odd", dev: "x" },
    ]);
    expect(parseNetworks(text)).toEqual([
      { cidr: "192.168.1.0/24", interface: "wlan0" },
      { cidr: "10.8.0.1/32", interface: "tun0" },
    ]);
    for (const broken of ["[", "{}"]) expect(() => parseNetworks(broken)).toThrow(/what ip says of routes/);
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
