import type { PeerSpec, PeerStatus } from "./generated/types.ts";
import type { Resource } from "./types.ts";

export type { PeerSpec, PeerStatus } from "./generated/types.ts";
export type Peer = Resource<"Peer", PeerSpec, PeerStatus>;
