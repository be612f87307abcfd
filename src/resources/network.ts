export type { NetworkSpec } from "./generated/types.ts";
