import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";

/** An IPv4 network or IPv6 address this machine has. */
export interface OwnAddress {
  readonly interface: string;
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** Bridges and tunnels of container engines, virtual machines and homie itself: no crew is behind them. */
const virtualNames = /^(?:lo|docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|podman|lxc|lxd|homie)/;

/** Every address but loopback and link-local ones. */
export function ownAddresses(): readonly OwnAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter((each) => !each.internal && !each.address.startsWith("fe80:"))
      .map((each) => ({
        interface: name,
        address: each.address,
        prefix: Number(each.cidr?.split("/")[1] ?? (isIPv4(each.address) ? 32 : 128)),
        family: isIPv4(each.address) ? (4 as const) : (6 as const),
      })),
  );
}

/** The addresses others may find this machine at. */
export function reachableAddresses(addresses: readonly OwnAddress[]): readonly OwnAddress[] {
  return addresses.filter((each) => !virtualNames.test(each.interface));
}

/** Where to send what every machine of the same networks is to hear. */
export function broadcastAddresses(addresses: readonly OwnAddress[]): readonly string[] {
  const broadcasts = reachableAddresses(addresses)
    .filter((each) => each.family === 4 && each.prefix < 31)
    .map(({ address, prefix }) => lastAddress(address, prefix));
  return [...new Set(broadcasts)];
}

/** True when `address` is in a network this machine is directly on. */
export function isOnLink(address: string, addresses: readonly OwnAddress[]): boolean {
  if (!isIPv4(address)) return false;
  return addresses.some(
    (own) =>
      own.family === 4 && own.prefix < 32 && lastAddress(own.address, own.prefix) === lastAddress(address, own.prefix),
  );
}

function lastAddress(address: string, prefix: number): string {
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - prefix);
  const last = Math.floor(value / size) * size + size - 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join(".");
}
