import type { BaseStatus, Resource } from "./types.ts";
// CONTRACT DRAFT: to be replaced by types generated from schemas/limits.schema.json with these very names.
export interface LimitsSpec {
  readonly cpu?: string | number;
  readonly memory?: string | number;
  readonly disk?: string | number;
  readonly gpus?: number;
  readonly maxJobs?: number;
  readonly pids?: number;
  readonly timeoutSeconds?: number;
  readonly allow?: {
    readonly peers?: readonly string[];
    readonly images?: readonly string[];
    readonly networks?: readonly ("none" | "egress")[];
  };
  readonly schedule?: { readonly quietHours?: readonly string[]; readonly timeZone?: string };
  readonly idle?: { readonly onlyWhenIdle?: boolean; readonly afterMinutes?: number };
  readonly power?: { readonly onBattery?: boolean };
  readonly runtime?: "docker" | "process";
  readonly snoozedUntil?: string;
}
export interface LimitsStatus extends BaseStatus {
  readonly allocatable?: { readonly cpu: number; readonly memoryBytes: number; readonly diskBytes: number; readonly jobs?: number };
  readonly allocated?: { readonly cpu: number; readonly memoryBytes: number; readonly diskBytes: number; readonly jobs: number };
  readonly running?: readonly string[];
}
export type Limits = Resource<"Limits", LimitsSpec, LimitsStatus>;
