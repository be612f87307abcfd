import type { JobStatus } from "../../resources/job.ts";
import { renderBytes } from "../render/duration.ts";
import type { ApiObject } from "../render/objects.ts";

/** What a job is doing, in a few words; undefined when it is finished. Pure. */
export function describeProgress(job: ApiObject): string | undefined {
  const status = currentStatus(job);
  const { phase, attempt = 1 } = status;
  const transfer = describeTransfer(status);
  const text = describePhase(phase, status.peer ?? "a peer", { message: status.message ?? "", transfer });
  return text !== undefined && attempt > 1 && phase !== "Pending" ? `${text} (attempt ${attempt})` : text;
}

/** The status, unless it speaks of an earlier spec. */
export function currentStatus(job: ApiObject): JobStatus {
  const status = (job.status ?? {}) as JobStatus;
  return (status.observedGeneration ?? 0) < (job.metadata.generation ?? 0) ? {} : status;
}

const barWidth = 20;
const words = { inputs: "files", image: "image layers", outputs: "outputs" } as const;

/** "sending image layers [#####     ] 12 MiB of 48 MiB". */
function describeTransfer({ transfer }: JobStatus): string | undefined {
  if (transfer === undefined) return undefined;
  const { what, doneBytes, totalBytes } = transfer;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const bar = "#".repeat(Math.round(share * barWidth)).padEnd(barWidth, "-");
  const amount = `${renderBytes(doneBytes)} of ${what === "image" ? "at most " : ""}${renderBytes(totalBytes)}`;
  return `${words[what]} [${bar}] ${amount}`;
}

function describePhase(
  phase: JobStatus["phase"],
  peer: string,
  { message, transfer }: { readonly message: string; readonly transfer: string | undefined },
): string | undefined {
  switch (phase) {
    case undefined:
      return "waiting for the daemon";
    case "Pending":
      return message.startsWith("waiting") ? message : `waiting: ${message}`;
    case "Reserved":
      return `${peer} has promised room`;
    case "Staging":
      return transfer === undefined ? `preparing on ${peer}: ${message}` : `sending to ${peer}: ${transfer}`;
    case "Running":
      return `running on ${peer}`;
    case "Collecting":
      return `bringing files home from ${peer}${transfer === undefined ? "" : `: ${transfer}`}`;
    case "Unknown":
      return `${peer} is silent: ${message}`;
    case "Succeeded":
    case "Failed":
    case "Cancelled":
      return undefined;
  }
}
