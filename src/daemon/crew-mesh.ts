import type { Duplex } from "node:stream";
import type { Endpoint } from "../adapters/tls/endpoint.ts";
import type { Link } from "../adapters/tls/link.ts";
import type { PeerPath, PeerSpec } from "../resources/peer.ts";
import type { KeyRing } from "../trust/group-secret.ts";
import type { RecordTunnel, SignedRecord } from "../trust/record.ts";

/** A machine that statements say belongs to the network. */
export interface Chartered {
  readonly node: string;
  /** Raw Ed25519 public key. */
  readonly identity: Buffer;
  readonly name: string;
}

/** Who belongs to the network, by its statements. Absent in a crew that only shares a secret. */
export interface Roster {
  /** Without this machine. */
  members(): readonly Chartered[];
  /** How it went, if it ever belonged and does no more. */
  gone(node: string): "Revoked" | "Left" | "Rotated" | undefined;
}

/** What the crew asks of the mesh while this machine is in one. */
export interface CrewMesh {
  readonly roster: Roster;
  readonly ring: KeyRing;
  /** What the network calls this machine. */
  readonly name: string;
  /** What a Peer object says of how this member came in. */
  charterOf(node: string): Pick<PeerSpec, "wireguardKey" | "invitedBy" | "admission">;
  /** A link was opened: the other end learns on what statements this machine stands. */
  greet(link: Link): void;
  /** Its other end is a member. */
  linked(link: Link): void;
  lost(node: string): void;
  /** A word about the network; `isAdmitted`: its sender is a member already. */
  membership(link: Link, word: Uint8Array, isAdmitted: boolean): void;
  /** A message about a way, or one to pass on; of members only. */
  path(link: Link, message: Uint8Array): void;
  /** A member asks that packets of its tunnel travel in this connection. */
  carrier(socket: Duplex, head: Uint8Array, node: string): void;
  /** Straight from its owner, or by gossip. */
  heard(signed: SignedRecord): void;
  /** The addresses of this machine have changed. */
  moved(): void;
  /** What this machine says of its tunnel; absent until there is something to say. */
  tunnel(): RecordTunnel | undefined;
  /** Where a member is through the tunnel, if one leads there now. */
  throughTunnel(node: string): Endpoint | undefined;
  /** Where else it might take links: from the invite, before it was ever met. */
  otherPlaces(node: string): readonly Endpoint[];
  /** Named in the invite and known by no statement yet. */
  strangers(): readonly { readonly node: string; readonly endpoints: readonly Endpoint[] }[];
  /** How packets go there; undefined while no tunnel leads there. */
  pathOf(node: string): Pick<PeerPath, "kind" | "via"> | undefined;
}
