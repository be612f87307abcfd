import type { Peer, PeerStatus } from "./peer.ts";

/** Where a Peer is reached: an address without its port, or the member that relays; undefined: not known. */
export function peerAddress(
  spec: Pick<Peer["spec"], "address"> | undefined,
  path: PeerStatus["path"],
): { readonly kind: "address" | "relay"; readonly text: string } | undefined {
  const { kind, via } = path ?? {};
  if (kind === "relay" && via !== undefined) return { kind, text: via };
  const address = via ?? spec?.address;
  return address === undefined ? undefined : { kind: "address", text: withoutPort(address) };
}

function withoutPort(address: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/u.exec(address)?.[1] ?? address.replace(/^([^:]+):\d+$/u, "$1");
}
