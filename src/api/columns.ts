import type { Peer } from "../resources/peer.ts";
import { peerAddress } from "../resources/peer-address.ts";
import { renderAge, renderBytes, renderDuration } from "./human.ts";
import type { ApiObject } from "./collections.ts";

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly description: string;
  /** 0 is always shown, 1 only by `-o wide`. */
  readonly priority: 0 | 1;
  cell(object: ApiObject, now: Date): string | number;
}

/** Columns of every kind; a cell that knows nothing shows "-", so that each row has the same number of words. */
export function columnsOf(kind: string): readonly Column[] {
  return columns[kind] ?? [nameColumn, ageColumn];
}

type Cell = (object: ApiObject, now: Date) => unknown;

function column(name: string, description: string, cell: Cell, priority: 0 | 1 = 0): Column {
  return { name, type: "string", description, priority, cell: (object, now) => shown(cell(object, now)) };
}

const nameColumn: Column = {
  name: "Name",
  type: "string",
  description: "name of the object, unique within its kind",
  priority: 0,
  cell: (object) => object.metadata.name,
};
const ageColumn = column("Age", "time since creation", ({ metadata }, now) =>
  renderAge(metadata.creationTimestamp, now),
);

const columns: Readonly<Record<string, readonly Column[]>> = {
  Job: [
    nameColumn,
    column("Phase", "where the Job is in its life", renderPhase),
    column("Peer", "machine that runs it", (job) => at(job, "status", "peer")),
    column("Attempt", "number of the newest attempt", (job) => at(job, "status", "attempt")),
    column("Exit", "exit code of the program", (job) => at(job, "status", "exitCode")),
    column("Outputs", "files brought home", (job) => countOf(at(job, "status", "outputs"))),
    column("Runtime", "time between start and end, or until now", renderRuntime),
    ageColumn,
    column("Reason", "why the Job is in its phase", (job) => at(job, "status", "reason"), 1),
    column(
      "Image",
      "image or environment it runs in",
      (job) => at(job, "spec", "image") ?? at(job, "spec", "environment"),
      1,
    ),
    column("Message", "the reason in words", (job) => at(job, "status", "message"), 1),
    column("Uid", "identity of this life of the Job", (job) => job.metadata.uid, 1),
  ],
  Limits: [
    nameColumn,
    column("CPU", "cores others may use", (limits) => limit(limits, "cpu", "cpu")),
    column("Memory", "memory others may use", (limits) => renderBytes(limit(limits, "memory", "memoryBytes"))),
    column("Disk", "disk others may use", (limits) => renderBytes(limit(limits, "disk", "diskBytes"))),
    column("MaxJobs", "jobs at a time", (limits) => limit(limits, "maxJobs", "jobs")),
    column("Running", "jobs running now", (limits) => countOf(at(limits, "status", "running"))),
    column("Runtime", "docker or process", (limits) => at(limits, "spec", "runtime")),
    ageColumn,
  ],
  Network: [
    nameColumn,
    column("CIDR", "addresses of the mesh", (network) => at(network, "spec", "cidr") ?? at(network, "status", "cidr")),
    column("Peers", "machines in the mesh", (network) => countOf(at(network, "status", "peers"))),
    ageColumn,
  ],
  Peer: [
    nameColumn,
    column("Address", "where it is reached", renderAddress),
    column("CPU", "cores", (peer) => at(peer, "status", "resources", "cpuCount")),
    column("RAM", "memory", (peer) => renderBytes(at(peer, "status", "resources", "memoryTotal"))),
    column("GPU", "graphics cards", (peer) => countOf(at(peer, "status", "resources", "gpus"))),
    column("Status", "Online, Suspect, Offline, Untrusted or Revoked", (peer) => at(peer, "status", "phase")),
    ageColumn,
  ],
  Attempt: [
    nameColumn,
    column("Job", "Job it belongs to", (attempt) => at(attempt, "spec", "job", "name")),
    column("Attempt", "its number", (attempt) => at(attempt, "spec", "attempt")),
    column("Phase", "how far it is", (attempt) => at(attempt, "status", "phase")),
    column("Reason", "why it ended", (attempt) => at(attempt, "status", "reason")),
    column("Exit", "exit code of the program", (attempt) => at(attempt, "status", "exitCode")),
    ageColumn,
    column("Peer", "machine that runs it, or for which it runs here; - for this one's own", otherPeer, 1),
  ],
  Event: [
    column("Last Seen", "time since it last happened", (event, now) =>
      renderAge(text(at(event, "lastTimestamp")), now),
    ),
    column("Type", "Normal or Warning", (event) => at(event, "type")),
    column("Reason", "what happened, in one word", (event) => at(event, "reason")),
    column("Object", "what it happened to", renderInvolved),
    column("Message", "what happened, in words", (event) => at(event, "message")),
    column("Count", "how often", (event) => at(event, "count"), 1),
    { ...nameColumn, priority: 1 },
  ],
};

function otherPeer(attempt: ApiObject): unknown {
  return at(attempt, "spec", "executor", "peer") ?? at(attempt, "spec", "hosted", "submitter", "peer");
}

function renderPhase(job: ApiObject): unknown {
  if (job.metadata.deletionTimestamp !== undefined) return "Deleting";
  return at(job, "status", "phase") ?? "Pending";
}

/** What is declared is shown until there is a path. */
function renderAddress(peer: ApiObject): unknown {
  const { spec, status } = peer as Partial<Pick<Peer, "spec" | "status">>;
  const { kind, text: where } = peerAddress(spec, status?.path) ?? {};
  return kind === "relay" ? `via:${where}` : where;
}

function renderRuntime(job: ApiObject, now: Date): unknown {
  const start = Date.parse(text(at(job, "status", "startTime")) ?? "");
  if (Number.isNaN(start)) return undefined;
  const end = Date.parse(text(at(job, "status", "completionTime")) ?? "");
  return renderDuration((Number.isNaN(end) ? now.getTime() : end) - start);
}

function renderInvolved(event: ApiObject): string {
  const kind = text(at(event, "involvedObject", "kind")) ?? "";
  return `${kind.toLowerCase()}/${text(at(event, "involvedObject", "name")) ?? ""}`;
}

/** What the owner wrote, else what the daemon decided. */
function limit(limits: ApiObject, declared: string, allocatable: string): unknown {
  return at(limits, "spec", declared) ?? at(limits, "status", "allocatable", allocatable);
}

function at(object: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Record<string, unknown>)[key];
  }, object);
}

/** Length of a list, a number as it is. */
function countOf(value: unknown): unknown {
  return Array.isArray(value) ? value.length : value;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : "-";
}
