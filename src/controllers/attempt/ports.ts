import type { Attempt, StagedOutput } from "../../resources/attempt.ts";

/** What the engine (Docker, or the operating system for `process`) knows about one attempt right now. */
export type RuntimeFacts =
  | { readonly phase: "absent" }
  | { readonly phase: "created"; readonly containerId: string; readonly specSha256: string }
  | { readonly phase: "running"; readonly containerId: string; readonly specSha256: string; readonly startedAt: string }
  | {
      readonly phase: "exited";
      readonly containerId: string;
      readonly specSha256: string;
      readonly exitCode: number;
      readonly startedAt: string;
      readonly finishedAt: string;
      readonly oomKilled: boolean;
      /** Known for the process runtime only. */
      readonly signal?: string;
      /** The engine could not start the program (no such file, not executable ...). */
      readonly startError?: string;
    };

export type RuntimeHealth =
  | { readonly ok: true; readonly engine: string; readonly version: string; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly reason: string; readonly message: string; readonly hint: string };

export type ImageOutcome =
  | { readonly ok: true; readonly imageId: string }
  | { readonly ok: false; readonly reason: "ImageMissing"; readonly message: string };

/** How much of an attempt's output is in its log file. */
export interface CaptureFacts {
  /** `none`: nobody is writing; `live`: a capture runs in this process; `complete`: the EOF frame is written. */
  readonly phase: "none" | "live" | "complete";
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly droppedBytes: number;
}

/** A running program takes more of the disk than it may, or too little is left for anybody. */
export interface DiskExcess {
  readonly message: string;
}

/** Something in the work directory after the program ended. Only regular files have a body; links are never followed. */
export interface TreeEntry {
  readonly path: string; // relative, forward slashes, already safe (tar rules T-01..T-13)
  readonly bytes: number;
  readonly executable: boolean;
  readonly body?: AsyncIterable<Uint8Array>;
  /** Set instead of `body` for links, devices, FIFOs, sockets and unsafe names. */
  readonly skipped?: string;
}

/** Runs attempts: `docker` or `process`. Every method is idempotent; the container name is the run-once lock. */
export interface Runtime {
  readonly name: "docker" | "process";
  /** Never throws; answers within 2 s; cheap enough to ask before every stage (cached for a second). */
  health(): Promise<RuntimeHealth>;
  inspect(attempt: Attempt): Promise<RuntimeFacts>;
  /** Makes the image present (IfNotPresent, anonymous registry pull). `process` answers ok with "". */
  prepareImage(attempt: Attempt, signal: AbortSignal): Promise<ImageOutcome>;
  /**
   * Removes what an interrupted stage left, creates volume and container (not started) and puts the files in.
   * Writes `runs/UID/ATTEMPT/inputs.json` ({path: {bytes, sha256}}), the baseline for "new or changed".
   * Throws HomieError SourceUnreadable (project or script missing, unreadable, changing), EngineUnable (the engine has
   * not what the Job asks for) or ContainerCreateFailed.
   */
  stage(attempt: Attempt, signal: AbortSignal): Promise<{ readonly containerId: string }>;
  /** Starts only from `created`; begins the log capture before the program can write. */
  start(attempt: Attempt): Promise<void>;
  /** Resumes the capture of a running or exited program whose log is not complete; returns at once. */
  resumeCapture(attempt: Attempt): Promise<void>;
  capture(attempt: Attempt): CaptureFacts;
  /** What is wrong with a running program's disk use as last seen; `watch` wakes for it. A runtime that cannot tell has none. */
  diskExcess?(attempt: Attempt): DiskExcess | undefined;
  /** SIGTERM, then SIGKILL after `graceSeconds` (at once for 0); returns when the request is made. */
  stop(attempt: Attempt, graceSeconds: number): Promise<void>;
  /** Walks the work directory of an exited attempt. Bodies must be consumed in order. */
  readWorkTree(attempt: Attempt, signal: AbortSignal): AsyncIterable<TreeEntry>;
  /** Container, volume, work directory: everything but the log and the collected outputs. */
  remove(attempt: Attempt): Promise<void>;
  /** Names `<uid>-<attempt>` of everything in the engine that carries this node's label. */
  list(): Promise<readonly string[]>;
  /** Wakes with an attempt's name whenever the engine says something about it, and with undefined after a reconnect. */
  watch(onChange: (attemptName: string | undefined) => void): Disposable;
}

/** Collects outputs of an exited attempt into `runs/UID/ATTEMPT/outputs/`, hashing while it writes. */
export interface Collector {
  collect(attempt: Attempt, runtime: Runtime, signal: AbortSignal): Promise<CollectOutcome>;
}
export interface CollectOutcome {
  readonly outputs: readonly StagedOutput[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** First broken rule, if any: a required output without a file, or a rule over its size. */
  readonly violation?: { readonly reason: "OutputMissing" | "OutputTooLarge"; readonly message: string };
}

/** The executor's own files of attempts. */
export interface AttemptFiles {
  /** Removes `runs/UID/ATTEMPT/outputs` (after publication). */
  removeStagedOutputs(attempt: Attempt): Promise<void>;
  /** Removes `runs/UID/ATTEMPT` wholly, the log included. */
  removeAll(attempt: Attempt): Promise<void>;
}
