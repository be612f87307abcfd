import { BlockList, isIP } from "node:net";

/** Reached from everywhere, as far as the address itself says (RFC 1918, 3927, 4193, 6598). */
const local = new BlockList();
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
  local.addSubnet(network, prefix, "ipv4");
local.addSubnet("fc00::", 7, "ipv6");
local.addSubnet("fe80::", 10, "ipv6");
local.addSubnet("::", 8, "ipv6");

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !local.check(address, family === 6 ? "ipv6" : "ipv4");
}
