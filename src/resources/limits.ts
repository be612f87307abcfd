import type { LimitsSpec, LimitsStatus } from "./generated/types.ts";
import type { Resource } from "./types.ts";

export type { LimitsSpec, LimitsStatus } from "./generated/types.ts";
export type Limits = Resource<"Limits", LimitsSpec, LimitsStatus>;
