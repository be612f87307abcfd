import { expect, test } from "vitest";
import { broadcastAddresses, isOnLink, type OwnAddress } from "../../../src/adapters/udp/interfaces.ts";

const addresses: readonly OwnAddress[] = [
  { interface: "eth0", address: "192.168.7.20", prefix: 24, family: 4 },
  { interface: "wlan0", address: "10.1.130.4", prefix: 20, family: 4 },
  { interface: "tun0", address: "100.64.1.2", prefix: 32, family: 4 },
  { interface: "docker0", address: "172.17.0.1", prefix: 16, family: 4 },
  { interface: "br-4711", address: "172.18.0.1", prefix: 16, family: 4 },
  { interface: "eth0", address: "2001:db8::7", prefix: 64, family: 6 },
];

test("beacons go to the networks of real interfaces, not to container bridges or tunnels of one address", () => {
  expect(broadcastAddresses(addresses)).toEqual(["192.168.7.255", "10.1.143.255"]);
});

test("an address is on the LAN when one of the networks holds it", () => {
  expect(["192.168.7.99", "10.1.128.1", "192.168.8.1", "100.64.1.3"].map((each) => isOnLink(each, addresses))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
