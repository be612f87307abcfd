import { HomieError } from "../../resources/errors.ts";
import { parseCidr, parseEndpoint } from "./addresses.ts";
import { isKey } from "./keys.ts";

export interface DumpedPeer {
  readonly publicKey: string;
  readonly hasPresharedKey: boolean;
  /** Canonical, or with a zone as the kernel wrote it. */
  readonly endpoint?: string;
  readonly allowedIps: readonly string[];
  /** Unix time; 0: there was none since the peer was added. */
  readonly latestHandshakeSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** 0: off. */
  readonly keepaliveSeconds: number;
}

/** What `wg show IFACE dump` says. The private key it begins with is left where it is. */
export interface WireGuardDump {
  /** Absent: the interface has no key yet. */
  readonly publicKey?: string;
  readonly listenPort: number;
  readonly peers: readonly DumpedPeer[];
}

const maxPeers = 65_536;

/**
 * Addresses a person set by hand may be such as homie would not take; they are kept as they are and only ever compared.
 * Throws HomieError ProcessFailed for anything that is not such a dump; the text itself is in no message, it holds a key.
 */
export function parseDump(text: string): WireGuardDump {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0 || lines.length > maxPeers + 1) throw unreadable("is cut off");
  const [head = "", ...rest] = lines;
  const [, publicKey, listenPort, ...more] = head.split("\t");
  if (more.length !== 1) throw unreadable("line 1 has not 4 fields");
  const peers = rest.map((line, index) => parsePeer(line, index + 2));
  if (new Set(peers.map((peer) => peer.publicKey)).size !== peers.length) throw unreadable("names a peer twice");
  const port = readNumber(listenPort, 1);
  if (publicKey === "(none)") return { listenPort: port, peers };
  if (!isKey(publicKey)) throw unreadable("line 1 has no public key");
  return { publicKey, listenPort: port, peers };
}

function parsePeer(line: string, number: number): DumpedPeer {
  const [publicKey, presharedKey, endpoint, allowed, handshake, received, sent, keepalive, ...more] = line.split("\t");
  if (!isKey(publicKey) || keepalive === undefined || more.length > 0) throw unreadable(`line ${number} is no peer`);
  const allowedIps = allowed === "(none)" ? [] : (allowed ?? "").split(",").map((each) => readNetwork(each, number));
  return {
    publicKey,
    hasPresharedKey: presharedKey !== "(none)",
    ...(endpoint === "(none)" ? {} : { endpoint: readEndpoint(endpoint ?? "", number) }),
    allowedIps,
    latestHandshakeSeconds: readNumber(handshake, number),
    receivedBytes: readNumber(received, number),
    sentBytes: readNumber(sent, number),
    keepaliveSeconds: keepalive === "off" ? 0 : readNumber(keepalive, number),
  };
}

function readNetwork(text: string, number: number): string {
  const network = parseCidr(text);
  if (network !== undefined) return network.text;
  if (!/^[\da-f:.]{2,45}\/\d{1,3}$/i.test(text)) throw unreadable(`line ${number} has an odd address`);
  return text;
}

function readEndpoint(text: string, number: number): string {
  const plain = parseEndpoint(text);
  if (plain !== undefined) return plain;
  if (!/^(?:\[[0-9a-f:.]{2,45}(?:%[\w.@-]{1,15})?\]|[\d.]{7,15}):\d{1,5}$/i.test(text)) {
    throw unreadable(`line ${number} has an odd endpoint`);
  }
  return text;
}

/** Counters are of 64 bits; beyond 9 petabytes the last digits are rounded. */
function readNumber(text: string | undefined, number: number): number {
  if (text === undefined || !/^\d{1,20}$/.test(text))
    throw unreadable(`line ${number} has no number where one belongs`);
  return Number(text);
}

function unreadable(why: string): HomieError {
  return new HomieError("ProcessFailed", `read what wg says of the interface: the dump ${why}`);
}
