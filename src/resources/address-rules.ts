/** Rules for addresses in Network and Peer; each answers what is wrong, or undefined. */

/** Docker's default pools and carrier-grade NAT (RFC 6598, Tailscale): a mesh there would swallow other traffic. */
const forbiddenRanges: readonly (readonly [network: string, bits: number, why: string])[] = [
  ["100.64.0.0", 10, "overlaps 100.64.0.0/10, which carriers and Tailscale use"],
  ["172.16.0.0", 12, "overlaps 172.16.0.0/12, which Docker uses"],
];
/** RFC 1918 without what is forbidden above. */
const privateRanges: readonly (readonly [network: string, bits: number])[] = [
  ["10.0.0.0", 8],
  ["192.168.0.0", 16],
];

export function cidrProblem(cidr: string): string | undefined {
  const [address = "", bitsText = ""] = cidr.split("/");
  const network = parseIpv4(address);
  const bits = Number(bitsText);
  if (network === undefined) return "is not an IPv4 range such as 10.77.0.0/16";
  if (bits < 8 || bits > 29) return "must be between /8 and /29";
  if (network % 2 ** (32 - bits) !== 0)
    return `has host bits set; its first address is ${formatIpv4(network - (network % 2 ** (32 - bits)))}`;
  for (const [other, otherBits, why] of forbiddenRanges) if (overlaps([network, bits], [other, otherBits])) return why;
  const isPrivate = privateRanges.some(
    ([other, otherBits]) => bits >= otherBits && overlaps([network, bits], [other, otherBits]),
  );
  return isPrivate ? undefined : "must be private: inside 10.0.0.0/8 or 192.168.0.0/16";
}

/** HOST, HOST:PORT, 1.2.3.4, [2001:db8::1]:PORT or a bare IPv6 address. */
export function hostPortProblem(text: string, options: { readonly portRequired: boolean }): string | undefined {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?$/.exec(text);
  if (bracketed !== null) return portProblem(bracketed[2], options) ?? ipv6Problem(bracketed[1] ?? "");
  const parts = text.split(":");
  if (parts.length > 2)
    return options.portRequired ? "needs brackets around an IPv6 address: [2001:db8::1]:51820" : ipv6Problem(text);
  const [host = "", port] = parts;
  return portProblem(port, options) ?? hostProblem(host);
}

/** As hostPortProblem, for an address somebody wants to be dialled: nobody can be at "everywhere" or at a group. */
export function dialableProblem(text: string): string | undefined {
  const problem = hostPortProblem(text, { portRequired: false });
  if (problem !== undefined) return problem;
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::[0-9]+)?$/.exec(text) ?? [];
  const host = (bracketed ?? plain ?? text).toLowerCase();
  const ipv4 = parseIpv4(host);
  if (ipv4 !== undefined && ipv4 < 2 ** 24) return "means every address, not one machine";
  if (ipv4 !== undefined && ipv4 >= 224 * 2 ** 24) return "is for groups of machines, not for one";
  if (/^[0:]+$/.test(host)) return "means every address, not one machine";
  return /^ff[0-9a-f]{2}:/.test(host) ? "is for groups of machines, not for one" : undefined;
}

function portProblem(port: string | undefined, options: { readonly portRequired: boolean }): string | undefined {
  if (port === undefined) return options.portRequired ? "needs a port, as in host:51820" : undefined;
  const number = Number(port);
  return /^[0-9]{1,5}$/.test(port) && number >= 1 && number <= 65535 ? undefined : "has a port that is not 1 to 65535";
}

function hostProblem(host: string): string | undefined {
  if (/^[0-9.]+$/.test(host)) return parseIpv4(host) === undefined ? "is not an IPv4 address" : undefined;
  const labels = host.split(".");
  const sound = labels.every(
    (label) => /^[A-Za-z0-9-]{1,63}$/.test(label) && !label.startsWith("-") && !label.endsWith("-"),
  );
  return sound && host.length <= 253 ? undefined : "is not a host name or address";
}

function ipv6Problem(text: string): string | undefined {
  return URL.canParse(`http://[${text}]/`) ? undefined : "is not an IPv6 address";
}

function overlaps([network, bits]: readonly [number, number], [other, otherBits]: readonly [string, number]): boolean {
  const size = 2 ** (32 - Math.min(bits, otherBits));
  return Math.floor(network / size) === Math.floor((parseIpv4(other) ?? 0) / size);
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
