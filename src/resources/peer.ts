import type { PeerSpec, PeerStatus } from "./generated/types.ts";
import type { Resource } from "./types.ts";

export type { PeerPath, PeerPhase, PeerResources, PeerSpec, PeerStatus } from "./generated/types.ts";
export type Peer = Resource<"Peer", PeerSpec, PeerStatus>;

/** Annotation of objects that homie writes into desired/ by itself, with what it learnt them from. */
export const managedByAnnotation = "homie.dev/managed-by";
