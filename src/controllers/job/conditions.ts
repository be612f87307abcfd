import type { Attempt, AttemptReason, AttemptStatus } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import type { ConditionDraft } from "../../reconciler/conditions.ts";
import type { JobActual } from "./actions.ts";
import type { Headline } from "./summarize.ts";

/** More remarks than this are not readable in one message. */
const shownRemarks = 10;
const longestMessage = 2_000;

/** The conditions of a Job, in the order a Job goes through them. `Finished` is True in every terminal phase. */
export function conditionsOf(job: Job, actual: JobActual, headline: Headline): readonly ConditionDraft[] {
  const attempt = actual.attempts.filter(({ spec }) => spec.job.generation === job.metadata.generation).at(-1);
  const { phase, reason, message } = headline;
  const finished = isFinished(phase);
  return [
    acceptedOf(actual),
    attempt === undefined ? no("Scheduled", reason, message) : scheduledOn(attempt),
    milestone("InputsReady", attempt?.status, { good: "Staged", bad: "StageFailed" }),
    milestone("ImageReady", attempt?.status, { good: "Present", bad: "ImageMissing" }),
    attempt?.status?.startedAt === undefined ? no("Started", "Pending") : yes("Started", "Started"),
    ...reachableOf(attempt),
    outputsOf(attempt, actual, finished),
    phase === "Succeeded" ? yes("Complete", reason, message) : no("Complete", reason),
    phase === "Failed" ? yes("Failed", reason, message) : no("Failed", reason),
    finished ? yes("Finished", phase, message) : no("Finished", reason),
  ];
}

function scheduledOn({ spec }: Attempt): ConditionDraft {
  return spec.executor === undefined ? yes("Scheduled", "OwnMachine") : yes("Scheduled", "Granted", spec.executor.peer);
}

/** Said of attempts on other machines only. */
function reachableOf(attempt: Attempt | undefined): readonly ConditionDraft[] {
  if (attempt?.spec.executor === undefined) return [];
  const { silentSince } = attempt.status ?? {};
  if (silentSince === undefined) return [yes("PeerReachable", "Answers")];
  return [no("PeerReachable", "Silent", `${attempt.spec.executor.peer} has not answered since ${silentSince}`)];
}

function isFinished(phase: string): boolean {
  return phase === "Succeeded" || phase === "Failed" || phase === "Cancelled";
}

function acceptedOf({ template }: JobActual): ConditionDraft {
  return template?.ok === false ? no("Accepted", template.reason, template.message) : yes("Accepted", "Valid");
}

/** Reached once staged; False only for the failure that belongs to it. */
function milestone(
  type: string,
  status: AttemptStatus | undefined,
  reasons: { readonly good: string; readonly bad: AttemptReason },
): ConditionDraft {
  if (status?.reason === reasons.bad) return no(type, reasons.bad, status.message);
  return status?.staged === true
    ? yes(type, reasons.good)
    : { type, status: "Unknown", reason: "Pending", message: "" };
}

function outputsOf(attempt: Attempt | undefined, actual: JobActual, finished: boolean): ConditionDraft {
  if (attempt?.status?.collected !== true) {
    if (finished) return no("OutputsCollected", "NothingRan");
    return { type: "OutputsCollected", status: "Unknown", reason: "Pending", message: "" };
  }
  const { skippedOutputs: skipped = [] } = attempt.status;
  const { files, diverted } = actual.published ?? { files: [], diverted: [] };
  const remarks = [
    `${files.length} ${files.length === 1 ? "file" : "files"}`,
    ...diverted.map(({ path, because }) => `${path}: ${because}`),
    ...skipped.map(({ path, reason }) => `skipped ${path}: ${reason}`),
  ];
  const reason = diverted.length > 0 ? "Diverted" : skipped.length > 0 ? "SomeSkipped" : "Collected";
  return yes(
    "OutputsCollected",
    reason,
    remarks
      .slice(0, shownRemarks + 1)
      .join("; ")
      .slice(0, longestMessage),
  );
}

function yes(type: string, reason: string, message = ""): ConditionDraft {
  return { type, status: "True", reason, message };
}

function no(type: string, reason: string, message = ""): ConditionDraft {
  return { type, status: "False", reason, message };
}
