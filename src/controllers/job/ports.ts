import type { Attempt } from "../../resources/attempt.ts";
import type { CollectedFile, Job } from "../../resources/job.ts";

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
