import { isIPv4, isIPv6 } from "node:net";

interface Ip {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** The one way this address is written, so that two texts are equal when the addresses are. */
  readonly text: string;
}

export interface Cidr {
  readonly family: 4 | 6;
  readonly prefix: number;
  /** ADDRESS/PREFIX, canonical. */
  readonly text: string;
  /** No bit is set behind the prefix: a network, not a host in one. */
  readonly isNetwork: boolean;
}

/** An address as written in a file: no name, no zone, no IPv4 in IPv6 clothes (the two would never compare equal). */
function parseIp(text: unknown): Ip | undefined {
  if (typeof text !== "string" || text.length > 45) return undefined;
  if (isIPv4(text))
    return { family: 4, value: text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), text };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // The parser of URLs writes IPv6 as RFC 5952 does, without dotted tails.
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const value = valueOf6(canonical);
  return value >> 32n === 0xffffn ? undefined : { family: 6, value, text: canonical };
}

function valueOf6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const groupsOf = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [left, right] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill("0"), ...right];
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

export function parseCidr(text: unknown): Cidr | undefined {
  if (typeof text !== "string") return undefined;
  const [, host, length] = /^([^/]{2,45})\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const ip = parseIp(host);
  const bits = ip?.family === 4 ? 32 : 128;
  const prefix = Number(length);
  if (ip === undefined || prefix > bits) return undefined;
  const isNetwork = ip.value % (1n << BigInt(bits - prefix)) === 0n;
  return { family: ip.family, prefix, text: `${ip.text}/${prefix}`, isNetwork };
}

/** `IP:PORT` or `[IP]:PORT`, canonical; undefined for a name, a zone, port 0, and addresses nothing can be sent to alone. */
export function parseEndpoint(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  const [, six, four, port] = /^(?:\[([^\]]{2,45})\]|([\d.]{7,15})):([1-9]\d{0,4})$/.exec(text) ?? [];
  const ip = parseIp(six ?? four);
  if (ip === undefined || ip.family !== (six === undefined ? 4 : 6) || Number(port) > 65_535) return undefined;
  if (!isUnicast(ip)) return undefined;
  return ip.family === 4 ? `${ip.text}:${port}` : `[${ip.text}]:${port}`;
}

function isUnicast({ family, value }: Ip): boolean {
  if (value === 0n) return false;
  return family === 4 ? value >> 28n < 0xen : value >> 120n !== 0xffn;
}
