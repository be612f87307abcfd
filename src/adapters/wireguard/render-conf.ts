import { checkConfig, type WireGuardConfig, type WireGuardPeer } from "./config.ts";

/** A file for `wg-quick`, without its commands. Only checked values get into it; names and remarks of people never do. */
export function renderConf(config: WireGuardConfig): string {
  const { privateKey, listenPort, addresses, mtu, peers } = checkConfig(config);
  const head = ["[Interface]", `PrivateKey = ${privateKey}`, `ListenPort = ${listenPort}`];
  const lines = [...head, ...addresses.map((address) => `Address = ${address}`), `MTU = ${mtu}`];
  return `${[...lines, ...peers.flatMap(renderPeer)].join("\n")}\n`;
}

function renderPeer({ publicKey, allowedIps, endpoint, keepaliveSeconds }: WireGuardPeer): string[] {
  const lines = ["", "[Peer]", `PublicKey = ${publicKey}`];
  if (allowedIps.length > 0) lines.push(`AllowedIPs = ${allowedIps.join(", ")}`);
  if (endpoint !== undefined) lines.push(`Endpoint = ${endpoint}`);
  if (keepaliveSeconds !== undefined) lines.push(`PersistentKeepalive = ${keepaliveSeconds}`);
  return lines;
}
