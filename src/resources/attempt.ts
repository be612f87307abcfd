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
  /** On the executor: ids of the GPUs that it gets, and nobody else meanwhile. */
  readonly gpus?: readonly string[];
  readonly timeoutSeconds?: number;
  readonly sources: AttemptSources;
  readonly outputs: readonly OutputRule[];
  /** On the submitter: the machine that runs it; absent: this one. */
  readonly executor?: AttemptExecutor;
  /** On the executor: whose attempt this is; absent: one of this machine's own. */
  readonly hosted?: HostedAttempt;
  /** Set once: stop the program and finish with this reason. */
  readonly stop?: { readonly reason: StopReason; readonly message: string };
  /** Set once, by the job controller: the outcome is kept elsewhere, staged outputs may go (the log stays). */
  readonly release?: true;
}
export type StopReason = "Cancelled" | "Deleted" | "Superseded" | "Suspended" | "ReservationLost" | "LeaseExpired";
export interface AttemptExecutor {
  /** Node id; the connection has to prove it. */
  readonly node: string;
  /** What it calls itself; the name belongs to its key. */
  readonly peer: string;
  readonly guarantee: "AtLeastOnce" | "AtMostOnce";
  readonly leaseSeconds: number;
}
/** What the executor knows of an attempt that another machine submitted. */
export interface HostedAttempt {
  readonly submitter: { readonly node: string; readonly peer: string };
  readonly inputs: InputRoot;
  /** The image as the submitter has it; its layers travel where no registry has them. */
  readonly image?: ImageFacts;
  readonly guarantee: "AtLeastOnce" | "AtMostOnce";
  readonly leaseSeconds: number;
  /** Set once, by the submitter: everything is here, the program may start. Until then it is a reservation. */
  readonly begin?: true;
}
/**
 * The files of an attempt, by content. Each chunk is canonical JSON: a list of `InputEntry`, and all of them in order are
 * the whole list, sorted by path. A chunk ends where the hash of a path says so, so that one changed file changes one chunk.
 */
export interface InputRoot {
  readonly entries: number;
  /** Of all files together. */
  readonly bytes: number;
  readonly chunks: readonly { readonly sha256: string; readonly bytes: number }[];
}
export interface InputEntry {
  /** Relative to the work directory, forward slashes; a directory comes before what is in it. */
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly bytes: number;
  readonly executable: boolean;
  readonly mtimeMs: number;
  /** Hex; files only. */
  readonly sha256?: string;
}
/** An image without its name: what runs is its content. */
export interface ImageFacts {
  /** `sha256:HEX`, the digest of its configuration. */
  readonly imageId: string;
  /** As Docker writes it: "linux/amd64". */
  readonly platform: string;
  /** Digests of the uncompressed layers, lowest first, `sha256:HEX`. */
  readonly layers: readonly string[];
  readonly bytes: number;
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
  | "ContainerLost"
  /** The executor could not be reached for too long. */
  | "PeerLost"
  /** The executor gave the reservation up, or no longer knows of it. */
  | "ReservationLost"
  /** The submitter was silent for longer than the lease (AtMostOnce). */
  | "LeaseExpired";

/** What an executor says of an attempt it hosts. Only values that came through `parseAttemptReport` are one. */
export type AttemptReport = Pick<
  AttemptStatus,
  | "phase"
  | "createdAt"
  | "stagedAt"
  | "startedAt"
  | "finishedAt"
  | "exitCode"
  | "reason"
  | "message"
  | "outputs"
  | "skippedOutputs"
  | "logs"
>;

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
  /** On the submitter: since when the executor has not answered; absent while it does. */
  readonly silentSince?: string;
  /** On the submitter: the executor has let go of the attempt, or never had it. */
  readonly dismissed?: true;
  readonly containerId?: string;
  readonly imageId?: string;
  readonly createdAt: string;
  readonly stagedAt?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly reason?: AttemptReason;
  readonly message?: string;
  /** Why it has not come further yet: what went wrong last, which is tried again. */
  readonly waiting?: { readonly reason: string; readonly message: string };
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
