import type { PeerStatus } from "../resources/peer.ts";
import type { Client } from "./client.ts";
import { findKind } from "./kinds.ts";

/**
 * The name a peer goes by here, for what somebody calls it: `homie peers` shows the name a machine gave itself, which
 * differs from the name of its Peer object when two machines chose the same. A word that no peer has stays as it is.
 */
export async function resolvePeerName(client: Client, word: string): Promise<string> {
  const { items } = await client.list(findKind("peers"));
  if (items.some(({ metadata }) => metadata.name === word)) return word;
  const [only, ...more] = items.filter(({ status }) => (status as PeerStatus | undefined)?.name === word);
  return only === undefined || more.length > 0 ? word : only.metadata.name;
}
