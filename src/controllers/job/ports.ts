import type { Attempt, AttemptExecutor, AttemptResources, AttemptSpec } from "../../resources/attempt.ts";
import type { CollectedFile, Job } from "../../resources/job.ts";
import type { Clock, OwnedStore } from "../../reconciler/types.ts";
import type { HistoryEntry } from "../../store/types.ts";
import type { Allocatable } from "../../scheduler/admission.ts";
import type { Candidate, Placement } from "../../scheduler/place-job.ts";

export interface JobPorts {
  readonly store: OwnedStore;
  readonly clock: Clock;
  /** This machine's peer name. */
  readonly node: string;
  /** Attempts of one Job by its uid, in any order. */
  readonly attemptsOf: (uid: string) => readonly Attempt[];
  readonly publisher: Publisher;
  readonly cancels: { cancelRequested(uid: string, generation: number): { readonly message: string } | undefined };
  readonly history: { add(entry: HistoryEntry): void };
  readonly capacity: Capacity;
  readonly templates: Templates;
  readonly placer: Placer;
  /** Takes the Job's document out of desired/ (ttlSecondsAfterFinished). */
  readonly removeDeclared: (name: string) => Promise<void>;
}

/** What this machine lends right now; synchronous, so that admission and creation are one step. */
export interface Capacity {
  allocatable(): Allocatable;
  /** Held by attempts that are not finished. */
  allocated(): {
    readonly cpu: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
    readonly jobs: number;
  };
  /** The template with the GPUs that an attempt of it gets here; undefined when too few are free. */
  withGpus(job: Job, template: AttemptTemplate): AttemptTemplate | undefined;
  /** Limits.snoozedUntil lies in the future. */
  snoozedUntil(): string | undefined;
}

/** Where Jobs may go: this machine, and the peers of its crew. */
export interface Placer {
  /** By what is known now; every peer is in the answer, the own machine too. */
  place(job: Job, attempts: readonly Attempt[], image?: string): Placement;
  /** When the next denial is forgotten that keeps the Job from being placed; undefined when there is none. */
  deniedForMs(uid: string): number | undefined;
  /** Asks the executor for its capacity. What it answers is the truth; a denial counts in the next `place`. */
  reserve(job: Job, template: AttemptTemplate, attempt: number, candidate: Candidate): Promise<ReserveOutcome>;
}
export type ReserveOutcome =
  | {
      readonly granted: true;
      readonly executor: AttemptExecutor;
      readonly runtime: "docker" | "process";
      readonly resources: AttemptResources;
      readonly timeoutSeconds?: number;
    }
  | { readonly granted: false; readonly message: string };

/** What an attempt runs, apart from its number. Reads the script's first line, so it may have to wait for a disk. */
export type AttemptTemplate = Omit<AttemptSpec, "attempt" | "job">;
export interface Templates {
  build(job: Job): Promise<TemplateOutcome>;
}
export type TemplateOutcome =
  /** `engineProblem`: what keeps this machine itself from running it now; another one may. */
  | { readonly ok: true; readonly template: AttemptTemplate; readonly engineProblem?: string }
  /** `fixable`: something outside the Job is missing (an environment); the Job waits for it. */
  | { readonly ok: false; readonly fixable: boolean; readonly reason: string; readonly message: string };

/** Something of one attempt that lies in a runtime while the daemon knows of no such attempt. */
export interface FoundAttempt {
  /** `<uid>-<attempt>`. */
  readonly name: string;
  readonly uid: string;
  readonly attempt: number;
  /** `absent`: only a volume is left. */
  readonly phase: "absent" | "created" | "running" | "exited";
  /** Name of the Job, and what ran for it, as written on the container. */
  readonly job?: string;
  readonly specSha256?: string;
  readonly gpus?: readonly string[];
}
/** Looks at what runs without asking the database, which may have been lost. */
export interface Inventory {
  /** Everything of this node but what is known. */
  survey(isKnown: (attemptName: string) => boolean): Promise<readonly FoundAttempt[]>;
}

/** Copies collected files of a finished attempt to where the Job wants them; idempotent, temp + rename per file. */
export interface Publisher {
  publish(job: Job, attempt: Attempt, signal: AbortSignal): Promise<PublishOutcome>;
}
export interface PublishOutcome {
  readonly files: readonly CollectedFile[];
  /** Directory most files landed in, absolute. */
  readonly path: string;
  /** Files that were not put into `to` because homie did not write what is there; they lie in results/JOB/ instead. */
  readonly diverted: readonly { readonly path: string; readonly because: string }[];
}
