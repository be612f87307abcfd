import type { Attempt } from "../../resources/attempt.ts";
import { formatCpu } from "../../resources/quantities.ts";
import { withoutUndefined } from "../../resources/without-undefined.ts";
import { renderAge, renderBytes } from "./duration.ts";
import type { ApiObject } from "./objects.ts";

/** One attempt as `homie ps -o json` and `homie top -o json` print it; field names are a scripting contract. */
export interface AttemptView {
  /** `<jobUid>-<attempt>`. */
  readonly name: string;
  readonly job: string;
  readonly uid: string;
  readonly attempt: number;
  /** Who runs it, or for whom it runs here. */
  readonly peer: string;
  /** mooch: elsewhere for this machine. plug: here for somebody. self: here for this machine. */
  readonly role: "mooch" | "plug" | "self";
  /** As the Attempt says, or Unknown while its executor is silent. */
  readonly phase: string;
  readonly createdAt?: string;
  readonly startedAt?: string;
  /** Cores. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly image?: string;
}

export const attemptHeaders: readonly string[] = [
  "Job",
  "Attempt",
  "Peer",
  "Role",
  "Phase",
  "Age",
  "CPU",
  "Memory",
  "Image",
];

/** `own`: what this machine is called. */
export function viewAttempt(object: ApiObject, own: string): AttemptView {
  const { metadata, spec, status } = object as ApiObject & Pick<Attempt, "spec" | "status">;
  return withoutUndefined({
    name: metadata.name,
    job: spec.job.name,
    uid: spec.job.uid,
    attempt: spec.attempt,
    peer: spec.executor?.peer ?? spec.hosted?.submitter.peer ?? own,
    role: roleOf(spec),
    phase: phaseOf(status),
    createdAt: status?.createdAt ?? metadata.creationTimestamp,
    startedAt: status?.startedAt,
    cpu: spec.resources.cpu,
    memoryBytes: spec.resources.memoryBytes,
    image: spec.image,
  });
}

function roleOf({ executor, hosted }: Attempt["spec"]): AttemptView["role"] {
  if (executor !== undefined) return "mooch";
  return hosted === undefined ? "self" : "plug";
}

/** As far as is known: an executor that does not answer may have gone on. */
function phaseOf(status: Attempt["status"]): string {
  if (status === undefined) return "Created";
  return status.silentSince === undefined || status.phase === "Finished" ? status.phase : "Unknown";
}

export function isOver(attempt: ApiObject): boolean {
  return attempt.status?.["phase"] === "Finished";
}

export function attemptRow(view: AttemptView, now: Date): readonly (string | number)[] {
  const { job, attempt, peer, role, phase, createdAt, cpu, memoryBytes, image } = view;
  return [
    job,
    attempt,
    peer,
    role,
    phase,
    createdAt === undefined ? "-" : renderAge(createdAt, now),
    formatCpu(cpu),
    renderBytes(memoryBytes),
    image ?? "-",
  ];
}
