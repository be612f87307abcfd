import type { Peer } from "../../resources/peer.ts";
import type { Controller } from "../../reconciler/types.ts";
import type { PeerPorts } from "./ports.ts";
import { summarizePeer, type PeerActual } from "./summarize.ts";

/** A Peer needs no action of its own: the crew dials and listens all the time. This controller says how it stands. */
export function createPeerController(ports: PeerPorts): Controller<Peer, PeerActual, never> {
  return {
    kind: "Peer",
    observe: (peer) => Promise.resolve({ sight: ports.look(peer.metadata.name), silence: ports.silence }),
    plan: () => [],
    execute: () => Promise.resolve(),
    summarize: summarizePeer,
  };
}
