import type { GossipTransport } from "../gossip/ports.ts";
import type { Peer } from "../resources/peer.ts";
import type { Member } from "./crew-members.ts";
import { CrewRuntime, type CrewOptions } from "./crew-runtime.ts";

/** The other machines as this one sees them. */
export interface Crew {
  /** Links to admitted peers, for gossip. */
  readonly transport: GossipTransport;
  /** Everybody that was ever admitted, with the newest record of each. */
  readonly members: () => readonly Member[];
  /** A Peer with the figures of this moment, for readers. */
  readonly withFigures: (peer: Peer) => Peer;
  /** Who was turned away lately, in words. */
  readonly warnings: () => readonly string[];
  stop(): Promise<void>;
}

/** Joins this machine to those that know the same group secret. To be called before the engine starts. */
export function createCrew(options: CrewOptions): Crew {
  const runtime = new CrewRuntime(options);
  runtime.start();
  return {
    transport: runtime.table,
    members: () => runtime.members.all(),
    withFigures: (peer) => runtime.withFigures(peer),
    warnings: () => runtime.refusals.recent(),
    stop: () => runtime.stop(),
  };
}
