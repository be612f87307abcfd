export type { PeerSpec } from "./generated/types.ts";
