import type { Attempt, AttemptReason, AttemptReport } from "../../resources/attempt.ts";

/** What is known of an attempt on its executor right now. */
export interface Sight {
  /** The newest one since this daemon started; absent before the first. */
  readonly report?: AttemptReport;
  /** Since the executor answered last, or since it is followed; monotonic. */
  readonly silentMs: number;
  /** It answers, and has no such attempt. */
  readonly unknown: boolean;
}

export type RemoteStageOutcome =
  | { readonly ok: true }
  /** Trying again cannot help: what the submitter gave is wrong, or the executor does not want it. */
  | { readonly ok: false; readonly reason: AttemptReason; readonly message: string };

/** `unknown`: the executor has no such attempt (any more). */
export type ExecutorAnswer = "done" | "unknown";

/**
 * The machines that run attempts for this one. Every call is idempotent. What cannot be asked because the executor does
 * not answer throws HomieError PeerUnreachable.
 */
export interface Executors {
  /** Brings files and image to the executor, as far as it lacks them; goes on where it was interrupted. */
  stage(attempt: Attempt, signal: AbortSignal): Promise<RemoteStageOutcome>;
  /** The program may start: at most once, however often this is called. */
  begin(attempt: Attempt): Promise<ExecutorAnswer>;
  stop(attempt: Attempt, wish: { readonly reason: AttemptReason; readonly message: string }): Promise<ExecutorAnswer>;
  /** `pending`: it still has to stop or clean up; ask again. */
  dismiss(attempt: Attempt): Promise<ExecutorAnswer | "pending">;
  /** Starts to follow reports and log, if that has not been done yet. Changes wake the attempt's key. */
  look(attempt: Attempt): Sight;
  /** Waits for the rest of the log and fetches the outputs of the report; all of it is durable and verified afterwards. */
  collect(attempt: Attempt, report: AttemptReport, signal: AbortSignal): Promise<void>;
  /** Ends following. */
  leave(attempt: Attempt): void;
}

/** This machine's own files of attempts. */
export interface RemoteFiles {
  removeStagedOutputs(attempt: Attempt): Promise<void>;
  removeAll(attempt: Attempt): Promise<void>;
}
