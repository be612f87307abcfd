import type { CollectedFile } from "./job.ts";
import type { BaseStatus, Resource } from "./types.ts";

/**
 * One numbered try of a Job on one executor. Its metadata.name is `<jobUid>-<attempt>`; containers and volumes are
 * called `homie-<jobUid>-<attempt>`, which is the run-once lock. Everything but `stop` and `release` is fixed at creation.
 */
export interface AttemptSpec {
  readonly job: { readonly name: string; readonly uid: string; readonly generation: number };
  readonly attempt: number;
  /** sha256 over the canonical JSON of the fields that decide what runs; put on the container as a label. */
  readonly specSha256: string;
  readonly runtime: "docker" | "process";
  readonly image?: string;
  /** Exact argument vector; never passed through a shell. */
  readonly argv: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Relative to the work directory ("" is the work directory itself). */
  readonly workingDir: string;
  readonly network: "none" | "egress";
  readonly resources: AttemptResources;
  readonly timeoutSeconds?: number;
  readonly sources: AttemptSources;
  readonly outputs: readonly OutputRule[];
  /** Set once, by the job controller: stop the program and finish with this reason. */
  readonly stop?: { readonly reason: "Cancelled" | "Deleted" | "Superseded" | "Suspended"; readonly message: string };
  /** Set once, by the job controller: the outcome is kept elsewhere, staged outputs may go (the log stays). */
  readonly release?: true;
}
export interface AttemptResources {
  readonly cpu: number; // cores
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly pids: number;
}
/** Absolute paths on the submitter's machine and where they land below the work directory. */
export interface AttemptSources {
  readonly projectPath?: string;
  readonly exclude: readonly string[];
  /** `to` is relative to the work directory, forward slashes, no "..". Covers script and inputs. */
  readonly files: readonly { readonly from: string; readonly to: string }[];
}
export interface OutputRule {
  /** Globs relative to the work directory; empty means every new or changed file. */
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  /** Absolute destination directory; absent means results/JOB/. */
  readonly to?: string;
  readonly required: boolean;
  readonly maxBytes?: number;
  readonly when: "OnSuccess" | "Always";
}

export type AttemptPhase = "Created" | "Staging" | "Running" | "Collecting" | "Finished";
/** Why an attempt ended. `Completed` is exit code 0; `Error` any other exit code by the program itself. */
export type AttemptReason =
  | "Completed"
  | "Error"
  | "Signalled"
  | "OutOfMemory"
  | "DiskFull"
  | "Timeout"
  | "Cancelled"
  | "Deleted"
  | "Superseded"
  | "Suspended"
  | "ImageMissing"
  | "StageFailed"
  | "StartFailed"
  | "OutputMissing"
  | "OutputTooLarge"
  | "ContainerLost";

export interface AttemptStatus extends BaseStatus {
  readonly phase: AttemptPhase;
  /** Facts that were made durable before the step they allow; each is set once. */
  readonly staged?: true;
  readonly startIntent?: true;
  /** Set before the engine is asked to stop the program, so that a restarted daemon still knows why it ended. */
  readonly stopIntent?: { readonly reason: AttemptReason; readonly message: string; readonly at: string };
  readonly collected?: true;
  readonly removed?: true;
  readonly released?: true;
  readonly containerId?: string;
  readonly imageId?: string;
  readonly createdAt: string;
  readonly stagedAt?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly reason?: AttemptReason;
  readonly message?: string;
  readonly outputs?: readonly StagedOutput[];
  readonly skippedOutputs?: readonly { readonly path: string; readonly reason: string }[];
  readonly logs?: { readonly stdoutBytes: number; readonly stderrBytes: number; readonly droppedBytes: number };
}
/** A collected file still lying in `runs/UID/ATTEMPT/outputs/<path>`; `rule` indexes `spec.outputs`. */
export interface StagedOutput extends CollectedFile {
  readonly rule: number;
  readonly executable: boolean;
}
export type Attempt = Resource<"Attempt", AttemptSpec, AttemptStatus>;
