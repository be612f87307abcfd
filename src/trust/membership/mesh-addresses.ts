import { createHash } from "node:crypto";
import { dialableProblem } from "../../resources/address-rules.ts";

/** Why a machine of this network cannot have this IPv4 address; undefined when it can. `cidr` is sound already. */
export function memberAddressProblem(ip: string, cidr: string): string | undefined {
  const address = parseIpv4(ip);
  const [start = "", bits = ""] = cidr.split("/");
  const first = parseIpv4(start);
  if (address === undefined || first === undefined) return "is no IPv4 address";
  const size = 2 ** (32 - Number(bits));
  if (address < first || address >= first + size) return `is outside the network ${cidr}`;
  // The first address names the network and the last is its broadcast.
  return address === first || address === first + size - 1 ? `is no machine's address in ${cidr}` : undefined;
}

/**
 * The IPv6 address of a machine: a /48 of the network's own (RFC 4193) and 80 bits of its identity, so that nobody hands it
 * out and it never changes. `network` is the id of the Genesis, base64url; `identity` is raw. As RFC 5952 writes it.
 */
export function meshAddressV6(network: string, identity: Uint8Array): string {
  const prefix = hashOf("homie/network6/1", Buffer.from(network, "base64url")).subarray(0, 5);
  const host = hashOf("homie/address6/1", identity).subarray(0, 10);
  const groups = Buffer.concat([Buffer.from([0xfd]), prefix, host])
    .toString("hex")
    .match(/.{4}/g);
  return new URL(`http://[${groups?.join(":")}]/`).hostname.slice(1, -1);
}

/**
 * The IPv4 address this key hashes to, or the next one after it that nobody has; undefined in a full network. `identity` is
 * raw, `taken` holds an `addressKey` for each address, and may hold other things.
 */
export function nextFreeAddress(identity: Uint8Array, cidr: string, taken: ReadonlySet<string>): string | undefined {
  const [start = "", bits = ""] = cidr.split("/");
  const first = parseIpv4(start);
  if (first === undefined) return undefined;
  const hosts = 2 ** (32 - Number(bits)) - 2;
  const hash = hashOf("homie/address/1", identity).readUIntBE(0, 6);
  // One more than is taken is enough to find a free one.
  for (let tries = 0; tries < Math.min(hosts, taken.size + 1); tries++) {
    const ip = formatIpv4(first + 1 + ((hash + tries) % hosts));
    if (!taken.has(addressKey(ip))) return ip;
  }
  return undefined;
}

/** How an address stands in a set of what is taken. */
export function addressKey(ip: string): string {
  return `ip ${ip}`;
}

function hashOf(domain: string, bytes: Uint8Array): Buffer {
  return createHash("sha256").update(`${domain}\0`).update(bytes).digest();
}

/** Why an endpoint that another machine tells of is not taken: IP:PORT where a peer could be, and nothing else (G-08). */
export function tunnelEndpointProblem(text: string): string | undefined {
  const [, host = "", port = ""] = /^(\[[0-9A-Fa-f:.]{2,45}\]|[0-9.]{7,15}):([1-9][0-9]{3,4})$/.exec(text) ?? [];
  if (host === "") return "is not IP:PORT";
  if (Number(port) < 1_024 || Number(port) > 65_535) return "has a port outside 1024 to 65535";
  const problem = dialableProblem(text);
  if (problem !== undefined) return problem;
  const unreachable = /^(?:127\.|169\.254\.|\[fe[89ab][0-9a-f]:)/i.test(host) || isLocalIpv6(host);
  return unreachable ? "is an address where no peer can be" : undefined;
}

/** ::, ::1, and IPv4 in IPv6's clothes, which would get round the rules for IPv4. */
function isLocalIpv6(host: string): boolean {
  if (!host.startsWith("[")) return false;
  const { hostname } = new URL(`http://${host}/`);
  return hostname.startsWith("[::");
}

/** As a whole number; undefined for what is no dotted address. */
function parseIpv4(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  return parts.every((part) => part <= 255) ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}

function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
