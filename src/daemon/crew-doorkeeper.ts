import { secretDiffers, type DialOutcome } from "../adapters/tls/dial.ts";
import { formatEndpoint, type Endpoint } from "../adapters/tls/endpoint.ts";
import type { Logger } from "../reconciler/types.ts";
import type { DialTarget } from "./crew-dialer.ts";
import type { CrewMembers } from "./crew-members.ts";
import type { CrewPeers } from "./crew-peers.ts";
import type { Refusals } from "./crew-refusals.ts";

export interface DoorkeeperOptions {
  readonly peers: CrewPeers;
  readonly members: CrewMembers;
  readonly refusals: Refusals;
  readonly log: Logger;
}

/** Says why a machine does not become a member: at the Peer it concerns, and where the owner looks. */
export class Doorkeeper {
  readonly #options: DoorkeeperOptions;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  dialFailed(endpoint: Endpoint, target: DialTarget, outcome: Extract<DialOutcome, { ok: false }>): void {
    const { peers, refusals, log } = this.#options;
    const { failure, message } = outcome;
    log.debug("a dial failed", { target: target.key, failure, message });
    if (failure === "SecretDiffers") refusals.report(target.peer, failure, message);
    // Only the address that a person wrote says something about the Peer; any other place was a guess.
    const isDeclared = target.declared !== undefined && formatEndpoint(target.declared) === formatEndpoint(endpoint);
    if (target.peer === undefined || !isDeclared) return;
    peers.dialFailed(target.peer, failure, message);
    if (failure !== "SecretDiffers" && failure !== "OtherIdentity") return;
    const hint = failure === "OtherIdentity" ? "; if it really got a new key, remove this peer and add it again" : "";
    peers.refuse(target.peer, { kind: "refused", reason: failure, message: message + hint });
  }

  /** Whoever it was knows another secret; the Peer that is expected at that address shows why it does not come. */
  strangerKnocked(node: string, address: string): void {
    const { peers, members, refusals } = this.#options;
    const message = secretDiffers(address);
    const pinned = members.get(node);
    if (pinned !== undefined) pinned.admitted = false;
    const expected = peers
      .targets()
      .filter(({ declared }) => declared?.host === address)
      .flatMap(({ peer }) => peer ?? [])
      .filter((peer) => (peers.memberOf(peer)?.node ?? node) === node);
    const concerned = new Set([...expected, ...(pinned?.peer === undefined ? [] : [pinned.peer])]);
    for (const peer of concerned) peers.refuse(peer, { kind: "refused", reason: "SecretDiffers", message });
    refusals.report([...concerned][0], "SecretDiffers", message);
  }
}
