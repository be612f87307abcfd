import type { PeerPath, PeerResources } from "../../resources/peer.ts";

/** Figures that move while nothing happens. */
export interface PeerFigures {
  readonly resources: PeerResources;
  readonly jobs: number;
  readonly rttMs?: number;
}

export type RefusalReason =
  /** It knows another group secret, or none. */
  | "SecretDiffers"
  /** Another key than the pinned one answers. */
  | "OtherIdentity"
  /** It calls itself like another machine that was there first. */
  | "NameTaken"
  /** There are as many members as one crew may have. */
  | "CrewFull"
  /** A file that came from elsewhere says it is a peer; no proof does. */
  | "NotAdmitted";

export type PeerTrust =
  /** It knows the group secret; or, in a mesh, statements that lead to the founder say that it belongs to it. */
  | { readonly kind: "proved"; readonly by?: "secret" | "statements" }
  | { readonly kind: "unmet" }
  /** It belonged to the network, and does no more. */
  | { readonly kind: "removed"; readonly how: "Revoked" | "Left" | "Rotated" }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly message: string };

/** Everything this machine knows of one Peer right now. */
export interface PeerSight {
  readonly trust: PeerTrust;
  /** A message about another machine that claims this peer's name. */
  readonly rival?: string;
  /** It has signed two different records with one number. */
  readonly contradicts?: boolean;
  /** Monotonic; absent when it was never heard. */
  readonly silentMs?: number;
  /** It said that it goes. */
  readonly left?: boolean;
  /** Why the last dial failed; absent while linked or untried. */
  readonly dialProblem?: string;
  readonly path?: Pick<PeerPath, "kind" | "via">;
  readonly name?: string;
  readonly node?: string;
  readonly version?: string;
  readonly figures?: PeerFigures;
}

export interface SilenceLimits {
  readonly suspectMs: number;
  readonly offlineMs: number;
}

export interface PeerPorts {
  look(peerName: string): PeerSight;
  readonly silence: SilenceLimits;
}
