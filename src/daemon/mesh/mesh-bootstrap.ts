import { parseEndpoint } from "../../adapters/tls/endpoint.ts";
import type { TunnelFacts } from "../../paths/types.ts";
import { nodeIdOf } from "../../trust/identity.ts";
import type { BundlePeer } from "../../trust/membership/bundle-fields.ts";
import { isPublicAddress } from "./public-address.ts";

/** Node id of a member that an invite names. */
export function nodeOf({ public_key: key }: BundlePeer): string {
  return nodeIdOf(Buffer.from(key, "base64url"));
}

/** What an invite says of a member that no record has told of yet. */
export function hintsIn(peer: BundlePeer | undefined): TunnelFacts | undefined {
  if (peer === undefined) return undefined;
  const places = peer.endpoints.map((endpoint) => {
    const host = parseEndpoint(endpoint, 0)?.host ?? "";
    return { kind: isPublicAddress(host) ? ("public" as const) : ("lan" as const), endpoint };
  });
  return { places, nat: "unknown", relays: false };
}
