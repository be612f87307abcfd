import type { BaseStatus, Resource } from "./types.ts";
// CONTRACT DRAFT: to be replaced by types generated from schemas/job.schema.json with these very names.
export interface JobSpec {
  readonly image?: string;
  readonly environment?: string;
  readonly script?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly workingDir?: string;
  readonly project?: { readonly path: string; readonly exclude?: readonly string[] };
  readonly inputs?: readonly { readonly path: string; readonly mountPath: string }[];
  readonly outputs?: readonly JobOutput[];
  readonly resources?: JobResources;
  readonly peer?: string;
  readonly peerSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly preferredPeers?: readonly string[];
  readonly network?: "none" | "egress";
  readonly priority?: number;
  readonly timeoutSeconds?: number;
  readonly queueTimeoutSeconds?: number;
  readonly backoffLimit?: number;
  readonly guarantee?: "AtLeastOnce" | "AtMostOnce";
  readonly leaseSeconds?: number;
  readonly suspend?: boolean;
  readonly ttlSecondsAfterFinished?: number;
  readonly submitter?: string;
}
export interface JobOutput {
  readonly paths: readonly string[];
  readonly exclude?: readonly string[];
  readonly to?: string;
  readonly required?: boolean;
  readonly maxSize?: string | number;
  readonly when?: "OnSuccess" | "Always";
}
export interface JobResources {
  readonly cpu?: string | number;
  readonly memory?: string | number;
  readonly disk?: string | number;
  readonly gpu?: { readonly count?: number; readonly model?: string; readonly minMemory?: string | number };
}
export type JobPhase =
  | "Pending" | "Reserved" | "Staging" | "Running" | "Collecting" | "Unknown" | "Succeeded" | "Failed" | "Cancelled";
export interface CollectedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}
export interface JobStatus extends BaseStatus {
  readonly phase?: JobPhase;
  readonly reason?: string;
  readonly message?: string;
  readonly peer?: string;
  readonly attempt?: number;
  readonly runtime?: "docker" | "process";
  readonly placement?: Readonly<Record<string, unknown>>;
  readonly timings?: Readonly<Record<string, number>>;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly exitCode?: number;
  readonly outputs?: readonly CollectedFile[];
  readonly outputsPath?: string;
  readonly logs?: { readonly stdoutBytes: number; readonly stderrBytes: number };
  readonly usage?: { readonly cpuSeconds?: number; readonly peakMemoryBytes?: number };
  readonly attempts?: readonly {
    readonly attempt: number;
    readonly peer: string;
    readonly phase: string;
    readonly reason?: string;
    readonly exitCode?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
  }[];
}
export type Job = Resource<"Job", JobSpec, JobStatus>;
