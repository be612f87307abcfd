import { HomieError } from "../../resources/errors.ts";
import { type Cidr, parseCidr, parseEndpoint } from "./addresses.ts";
import { derivePublicKey, isKey } from "./keys.ts";

export interface WireGuardPeer {
  /** base64, 32 bytes. */
  readonly publicKey: string;
  /** Networks that are this peer's alone; none: it is kept in touch with, and carries nothing. */
  readonly allowedIps: readonly string[];
  /** `IP:PORT` or `[IP]:PORT`: where to look for it first. WireGuard itself follows a peer that moves. */
  readonly endpoint?: string;
  /** Absent: off. */
  readonly keepaliveSeconds?: number;
}

export interface WireGuardConfig {
  /** base64, 32 bytes. Never in an argument vector, an error or a log. */
  readonly privateKey: string;
  readonly listenPort: number;
  /** ADDRESS/PREFIX of this machine; the prefix makes the route to the others. */
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly peers: readonly WireGuardPeer[];
}

const limits = { peers: 4_096, allowedIps: 2_048, addresses: 16 };
/** A peer is a machine or relays for some; no list of homie's sends half the internet to one of them. */
const shortestPrefix = { 4: 8, 6: 32 };

/**
 * The same configuration with every value in its canonical form. What it answers can be written to a file or passed to `wg`:
 * nothing of it is free text. Throws HomieError InvalidResource.
 */
export function checkConfig(config: WireGuardConfig): WireGuardConfig {
  if (!isKey(config.privateKey)) throw refused("privateKey", "is not 32 bytes in base64");
  checkInteger("listenPort", config.listenPort, 1, 65_535);
  // 1280 is the least IPv6 works with (RFC 8200, 5); 576 leaves a crew without IPv6 a way through odd links.
  checkInteger("mtu", config.mtu, 576, 65_535);
  const addresses = list("addresses", config.addresses, limits.addresses).map((text) => cidr("addresses", text).text);
  checkDistinct("addresses", addresses);
  const peers = list("peers", config.peers, limits.peers).map(checkPeer);
  checkDistinct("publicKey", [derivePublicKey(config.privateKey), ...peers.map((peer) => peer.publicKey)]);
  checkDistinct(
    "allowedIps",
    peers.flatMap((peer) => peer.allowedIps),
  );
  const { privateKey, listenPort, mtu } = config;
  return { privateKey, listenPort, addresses, mtu, peers };
}

function checkPeer(peer: WireGuardPeer): WireGuardPeer {
  const { publicKey, keepaliveSeconds } = peer;
  if (!isKey(publicKey)) throw refused("publicKey", "is not 32 bytes in base64");
  const allowedIps = list("allowedIps", peer.allowedIps, limits.allowedIps).map((text) => {
    const network = cidr("allowedIps", text);
    if (!network.isNetwork) throw refused("allowedIps", `has bits behind its prefix: ${network.text}`);
    if (network.prefix < shortestPrefix[network.family]) throw refused("allowedIps", `is too wide: ${network.text}`);
    return network.text;
  });
  if (keepaliveSeconds !== undefined) checkInteger("keepaliveSeconds", keepaliveSeconds, 1, 65_535);
  const endpoint = peer.endpoint === undefined ? undefined : parseEndpoint(peer.endpoint);
  if (peer.endpoint !== undefined && endpoint === undefined) {
    throw refused("endpoint", `is not an address and a port: ${shorten(peer.endpoint)}`);
  }
  return {
    publicKey,
    allowedIps,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keepaliveSeconds === undefined ? {} : { keepaliveSeconds }),
  };
}

function cidr(field: string, text: unknown): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw refused(field, `is not ADDRESS/PREFIX: ${shorten(text)}`);
  return parsed;
}

function list<T>(field: string, values: readonly T[], most: number): readonly T[] {
  if (!Array.isArray(values) || values.length > most) throw refused(field, `is not a list of at most ${most}`);
  return values;
}

function checkInteger(field: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw refused(field, `is not a whole number from ${least} to ${most}`);
  }
}

function checkDistinct(field: string, values: readonly string[]): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw refused(field, `is there twice: ${value}`);
    seen.add(value);
  }
}

function refused(field: string, why: string): HomieError {
  return new HomieError("InvalidResource", `configure WireGuard: ${field} ${why}`);
}

function shorten(text: unknown): string {
  return typeof text === "string" ? JSON.stringify(text.slice(0, 64)) : typeof text;
}
