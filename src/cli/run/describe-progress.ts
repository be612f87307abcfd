import type { JobStatus } from "../../resources/job.ts";
import type { ApiObject } from "../render/objects.ts";

/** What a job is doing, in a few words; undefined when it is finished. Pure. */
export function describeProgress(job: ApiObject): string | undefined {
  const status = currentStatus(job);
  const { phase, message, attempt = 1 } = status;
  const text = describePhase(phase, status.peer ?? "a peer", message === undefined || message === "" ? "" : message);
  return text !== undefined && attempt > 1 && phase !== "Pending" ? `${text} (attempt ${attempt})` : text;
}

/** The status, unless it speaks of an earlier spec. */
export function currentStatus(job: ApiObject): JobStatus {
  const status = (job.status ?? {}) as JobStatus;
  return (status.observedGeneration ?? 0) < (job.metadata.generation ?? 0) ? {} : status;
}

function describePhase(phase: JobStatus["phase"], peer: string, message: string): string | undefined {
  switch (phase) {
    case undefined:
      return "waiting for the daemon";
    case "Pending":
      return message.startsWith("waiting") ? message : `waiting: ${message}`;
    case "Reserved":
      return `${peer} has promised room`;
    case "Staging":
      return `preparing on ${peer}: ${message}`;
    case "Running":
      return `running on ${peer}`;
    case "Collecting":
      return `bringing files home from ${peer}`;
    case "Unknown":
      return `${peer} is silent: ${message}`;
    case "Succeeded":
    case "Failed":
    case "Cancelled":
      return undefined;
  }
}
