import type { Attempt } from "../../resources/attempt.ts";
import type { Job } from "../../resources/job.ts";
import type { ConditionDraft } from "../../reconciler/conditions.ts";
import type { JobActual } from "./actions.ts";
import type { Headline } from "./summarize.ts";

/** The conditions of a Job, in the order a Job goes through them. `Finished` is True in every terminal phase. */
export function conditionsOf(job: Job, actual: JobActual, headline: Headline): readonly ConditionDraft[] {
  const attempt = actual.attempts.filter(({ spec }) => spec.job.generation === job.metadata.generation).at(-1);
  const { phase, reason, message } = headline;
  const finished = phase === "Succeeded" || phase === "Failed" || phase === "Cancelled";
  const refused = actual.template?.ok === false;
  return [
    draft("Accepted", refused ? "False" : "True", refused ? reason : "Valid", refused ? message : ""),
    draft("Scheduled", attempt === undefined ? "False" : "True", attempt === undefined ? reason : "OwnMachine", attempt === undefined ? message : ""),
    ...progressOf(attempt),
    outputsOf(attempt, actual, finished),
    draft("Complete", phase === "Succeeded" ? "True" : "False", reason, phase === "Succeeded" ? message : ""),
    draft("Failed", phase === "Failed" ? "True" : "False", reason, phase === "Failed" ? message : ""),
    draft("Finished", finished ? "True" : "False", finished ? phase : reason, finished ? message : ""),
  ];
}

function progressOf(attempt: Attempt | undefined): readonly ConditionDraft[] {
  const status = attempt?.status;
  const image = status?.reason === "ImageMissing" ? "False" : status?.staged === true ? "True" : "Unknown";
  const inputs = status?.reason === "StageFailed" ? "False" : status?.staged === true ? "True" : "Unknown";
  const started = status?.startedAt !== undefined;
  return [
    draft("InputsReady", inputs, inputs === "False" ? "StageFailed" : inputs === "True" ? "Staged" : "Pending", inputs === "False" ? (status?.message ?? "") : ""),
    draft("ImageReady", image, image === "False" ? "ImageMissing" : image === "True" ? "Present" : "Pending", image === "False" ? (status?.message ?? "") : ""),
    draft("Started", started ? "True" : "False", started ? "Started" : "Pending", ""),
  ];
}

function outputsOf(attempt: Attempt | undefined, actual: JobActual, finished: boolean): ConditionDraft {
  const skipped = attempt?.status?.skippedOutputs ?? [];
  const diverted = actual.published?.diverted ?? [];
  const remarks = [
    ...diverted.map(({ path, because }) => `${path}: ${because}`),
    ...skipped.map(({ path, reason }) => `skipped ${path}: ${reason}`),
  ];
  if (attempt?.status?.collected !== true) return draft("OutputsCollected", finished ? "False" : "Unknown", finished ? "NothingRan" : "Pending", "");
  const files = actual.published?.files.length ?? 0;
  const reason = diverted.length > 0 ? "Diverted" : skipped.length > 0 ? "SomeSkipped" : "Collected";
  const message = [`${files} ${files === 1 ? "file" : "files"}`, ...remarks.slice(0, 10)].join("; ");
  return draft("OutputsCollected", "True", reason, message.slice(0, 2_000));
}

function draft(type: string, status: "True" | "False" | "Unknown", reason: string, message: string): ConditionDraft {
  return { type, status, reason, message };
}
