import { BlockList, isIP } from "node:net";

/** Reached from everywhere, as far as the address itself says (RFC 1918, 3927, 4193, 6598). */
const local4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
] as const)
  local4.addSubnet(network, prefix, "ipv4");
/** A list of its own: Node takes every IPv4 address for one in ::/8. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 6) return global6.check(address, "ipv6");
  return family === 4 && !local4.check(address, "ipv4");
}
