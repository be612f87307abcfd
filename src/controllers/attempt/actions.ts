import type { AttemptReason } from "../../resources/attempt.ts";
import type { CaptureFacts, DiskExcess, RuntimeFacts, RuntimeHealth } from "./ports.ts";

/** Long work of an attempt that goes on in the background; at most one at a time. */
export type OperationName = "Stage" | "Collect";

export interface AttemptActual {
  readonly facts: RuntimeFacts;
  readonly capture: CaptureFacts;
  readonly health: RuntimeHealth;
  readonly diskExcess?: DiskExcess;
  /** How long the program has run, and how long ago this daemon asked it to stop, by a clock nobody can set. */
  readonly ranMs?: number;
  readonly stoppingMs?: number;
  readonly operation?: OperationName;
  /** How long the operation has been at it; the phase "Collecting" is shown only when it takes noticeable time. */
  readonly operationMs?: number;
  /** It was told to end and will. */
  readonly operationAborted?: true;
}

/** Plain data: what to do next, nothing about how. */
export type AttemptAction =
  | { readonly type: "Stage" }
  /** Ends a running operation whose result nobody wants any more. */
  | { readonly type: "Abort" }
  | { readonly type: "Start" }
  | { readonly type: "ResumeCapture" }
  | { readonly type: "Stop"; readonly reason: AttemptReason; readonly message: string; readonly graceSeconds: number }
  | { readonly type: "Collect" }
  /** The program never ran, or its container is gone: nothing to collect. */
  | { readonly type: "Finish"; readonly reason: AttemptReason; readonly message: string }
  | { readonly type: "Remove" }
  | { readonly type: "Release" }
  | { readonly type: "Forget" };
