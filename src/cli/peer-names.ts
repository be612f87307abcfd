import type { PeerStatus } from "../resources/peer.ts";
import type { Client } from "./client.ts";
import { findKind } from "./kinds.ts";

export interface PeerNames {
  /** Of the Peer object. */
  readonly name: string;
  /** The same, and what the machine calls itself where that differs: attempts and history may have either. */
  readonly all: readonly string[];
}

/**
 * What a peer goes by, for a word somebody typed: `homie peers` shows the name a machine gave itself, which need not be
 * that of its Peer object. A word that no peer has, or that several call themselves by, stands for itself.
 */
export async function resolvePeerName(client: Client, word: string): Promise<PeerNames> {
  const { items } = await client.list(findKind("peers"));
  const peers = items.map(({ metadata, status }) => {
    const called = (status as PeerStatus | undefined)?.name ?? metadata.name;
    return { name: metadata.name, called };
  });
  const exact = peers.filter(({ name }) => name === word);
  const [only, ...more] = exact.length > 0 ? exact : peers.filter(({ called }) => called === word);
  if (only === undefined || more.length > 0) return { name: word, all: [word] };
  return { name: only.name, all: [...new Set([only.name, only.called])] };
}
