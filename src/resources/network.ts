import type { NetworkSpec, NetworkStatus } from "./generated/types.ts";
import type { Resource } from "./types.ts";

export type { NetworkSpec, NetworkStatus } from "./generated/types.ts";
export type Network = Resource<"Network", NetworkSpec, NetworkStatus>;
