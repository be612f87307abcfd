import type { AttemptReason } from "../../resources/attempt.ts";
import type { Sight } from "./ports.ts";

export interface RemoteActual {
  readonly sight: Sight;
  readonly operation?: "Stage" | "Collect";
  readonly operationMs?: number;
  readonly operationAborted?: true;
  /** For how long staging has failed because the executor does not answer, or cannot at this time. */
  readonly stageFailingMs?: number;
  /** What was wrong the last time: the connection, or the executor's own words. */
  readonly stageFailure?: string;
  /** The executor has confirmed the stop of this daemon's life. */
  readonly stopTold?: true;
}

/** Plain data: what to do next, nothing about how. */
export type RemoteAction =
  | { readonly type: "Stage" }
  /** Ends staging that nobody wants any more. */
  | { readonly type: "Abort" }
  | { readonly type: "Begin" }
  | { readonly type: "Stop"; readonly reason: AttemptReason; readonly message: string }
  | { readonly type: "Collect" }
  | { readonly type: "Finish"; readonly reason: AttemptReason; readonly message: string }
  | { readonly type: "Dismiss" }
  | { readonly type: "Release" }
  | { readonly type: "Forget" };
