import type { PeerSight, SilenceLimits } from "../controllers/peer/ports.ts";
import type { Config } from "../adapters/files/config.ts";
import type { Peer } from "../resources/peer.ts";
import type { PeerFacts } from "../scheduler/peer-facts.ts";
import { factsOfPeer } from "./crew-facts.ts";
import { figuresOf } from "./crew-members.ts";
import type { CrewPeers } from "./crew-peers.ts";

/** The other machines as readers see them: objects with the figures of this moment, and facts for the scheduler. */
export class CrewView {
  readonly #peers: CrewPeers;
  readonly #silence: SilenceLimits;
  readonly #own: string;

  constructor(peers: CrewPeers, silence: SilenceLimits, own: string) {
    this.#peers = peers;
    this.#silence = silence;
    this.#own = own;
  }

  look(peer: string): PeerSight {
    return this.#peers.look(peer);
  }

  withFigures(peer: Peer): Peer {
    const member = this.#peers.memberOf(peer.metadata.name);
    if (member?.newest === undefined || peer.status === undefined) return peer;
    const { resources, jobs, rttMs } = figuresOf(member.newest.record, member.rttMs);
    const known = this.#peers.look(peer.metadata.name).path;
    const path = known === undefined ? {} : { path: { ...known, ...(rttMs === undefined ? {} : { rttMs }) } };
    return { ...peer, status: { ...peer.status, resources, jobs, ...path } };
  }

  /** What the machine behind a Peer object calls itself. */
  nameOfPeer(peer: string): string | undefined {
    return this.#peers.memberOf(peer)?.name;
  }

  /** Everybody who has a Peer object here, as the scheduler sees them. */
  facts(): readonly PeerFacts[] {
    return this.#peers
      .list()
      .map((peer) => {
        const { name } = peer.metadata;
        const record = this.#peers.memberOf(name)?.newest?.record;
        return factsOfPeer(peer, this.#peers.look(name), this.#silence, record);
      })
      .filter(({ node }) => node !== this.#own);
  }
}

export function silenceLimits({ heartbeatIntervalSeconds, peerTimeoutSeconds }: Config): SilenceLimits {
  return {
    suspectMs: Math.min(5 * heartbeatIntervalSeconds, peerTimeoutSeconds) * 1_000,
    offlineMs: peerTimeoutSeconds * 1_000,
  };
}
