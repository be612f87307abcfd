import type { Attempt } from "../../resources/attempt.ts";
import type { Admission } from "../../scheduler/admission.ts";
import type { PlacementStatus } from "../../scheduler/render-placement.ts";
import type { Candidate, Placement } from "../../scheduler/place-job.ts";
import type { AttemptTemplate, PublishOutcome, TemplateOutcome } from "./ports.ts";

export interface JobTimes {
  /** Since this generation was first seen. */
  readonly waiting?: number;
  /** Since the newest attempt ended. */
  readonly attemptEnded?: number;
  /** Since the Job reached its end. */
  readonly completed?: number;
}

export interface JobActual {
  /** Every attempt of this Job, all generations, oldest first. */
  readonly attempts: readonly Attempt[];
  readonly cancel?: { readonly message: string };
  /** Read only when the next attempt might be created. */
  readonly template?: TemplateOutcome;
  readonly admission?: Admission;
  /** Where the next attempt could go. */
  readonly placement?: Placement;
  /** For so long no peer is asked again that denied the Job. */
  readonly deniedForMs?: number;
  /** How the newest attempt was placed, if this daemon placed it. */
  readonly placed?: PlacementStatus;
  /** Somebody with more right to the next slot waits too. */
  readonly behind?: boolean;
  readonly snoozedUntil?: string;
  /** Where the newest attempt's outputs went; absent until they were put there. */
  readonly published?: PublishOutcome;
  readonly node: string;
  /** How long ago these were, by a clock nobody can set; the wall clock decides where one is absent. */
  readonly elapsedMs?: JobTimes;
}

/** Plain data: what to do next, nothing about how. */
export type JobAction =
  /** On this machine. */
  | { readonly type: "CreateAttempt"; readonly attempt: number; readonly template: AttemptTemplate }
  /** Asks another machine, and creates the attempt if that grants it. */
  | {
      readonly type: "Reserve";
      readonly attempt: number;
      readonly template: AttemptTemplate;
      readonly candidate: Candidate;
    }
  | {
      readonly type: "StopAttempt";
      readonly name: string;
      readonly reason: "Cancelled" | "Superseded" | "Suspended";
      readonly message: string;
    }
  | { readonly type: "PublishOutputs"; readonly name: string }
  /** The attempt's outcome is kept in status and history; the executor may let go of its outputs. */
  | { readonly type: "ReleaseAttempt"; readonly name: string }
  | { readonly type: "DeleteAttempt"; readonly name: string }
  | { readonly type: "DeleteJob" }
  | { readonly type: "DropFinalizer" };
