/**
 * IPv4 ranges that are nobody's address on the internet, or many machines' at once: IANA's special-purpose registry
 * (RFC 6890, https://www.iana.org/assignments/iana-ipv4-special-registry) and multicast. A Job that may reach out has
 * nothing to look for there: it is where local networks, clouds' metadata and meshes are.
 */
export const specialRanges = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared by a carrier; Tailscale
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local; metadata of clouds
  "172.16.0.0/12", // private; Docker
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays, deprecated
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved; broadcast
] as const;

/** Shorter prefixes are ways to the internet (a VPN's two halves of it), not networks of this machine. */
const shortestPrefix = 8;

/** `networks` are those this machine has an address in or a route to, as ADDRESS/PREFIX; some can be public ones. */
export function closedRanges(networks: readonly string[]): readonly string[] {
  const own = networks.filter((cidr) => Number(cidr.split("/")[1]) >= shortestPrefix);
  return [...new Set([...specialRanges, ...own])].toSorted();
}
