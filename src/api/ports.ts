import type { Attempt, AttemptSources } from "../resources/attempt.ts";
import type { Job, JobStatus } from "../resources/job.ts";
import type { LogFrame } from "../logs/types.ts";
import type {
  Invite,
  InvitePreview,
  JoinPreview,
  JoinRequestReport,
  NetcheckReport,
  NetworkLogEntry,
  NetworkReport,
  PathExplanation,
} from "../resources/network-report.ts";
import type { Resource } from "../resources/types.ts";
import type { ObjectStore } from "../store/types.ts";
import type { DeclaredWriter } from "../store/declared.ts";

export interface ApiPorts {
  readonly store: ObjectStore;
  readonly declared: DeclaredWriter;
  readonly logs: LogSource;
  now(): Date;
  /** The object as a reader gets it: with figures that move all the time and are therefore never stored. */
  live(object: Resource): Resource;
  report(): Promise<StatusReport>;
  /** Reads desired/ and resolves when the reading is in force. */
  rescan(): Promise<void>;
  /** Looks at what would travel and opens no file but ignore files. Throws HomieError SourceUnreadable. */
  survey(sources: AttemptSources, signal: AbortSignal): Promise<Survey>;
  /** Absent where no daemon runs: what other machines have is not known then. */
  readonly placements?: Placements | undefined;
  /** Absent where no daemon runs: nobody is there to keep tunnels. */
  readonly mesh?: MeshOperations | undefined;
}
/** The native mesh. Throws HomieError InviteRejected, Conflict, NotFound, MeshUnavailable, Forbidden. */
export interface MeshOperations {
  create(request: MeshCreation): Promise<NetworkReport>;
  /** The pending join request of this machine, made when there is none; `renew` makes another. */
  request(options: { readonly name?: string; readonly renew?: boolean }): Promise<JoinRequestReport>;
  preview(request: { readonly request: string; readonly name?: string }): Promise<InvitePreview>;
  invite(request: { readonly request: string; readonly name?: string }): Promise<Invite>;
  inspect(request: { readonly bundle: string }): Promise<JoinPreview>;
  join(request: { readonly bundle: string }): Promise<NetworkReport>;
  /** Throws NotFound when this machine is in no network. */
  report(): Promise<NetworkReport>;
  log(): Promise<readonly NetworkLogEntry[]>;
  revoke(request: { readonly peer: string }): Promise<Revocation>;
  leave(): Promise<void>;
  explain(peer: string): Promise<PathExplanation>;
  netcheck(): Promise<NetcheckReport>;
}
export interface MeshCreation {
  readonly name: string;
  readonly cidr?: string;
  readonly listenPort?: number;
  /** Public HOST:PORT, where it is known. */
  readonly endpoint?: string;
}
export interface Revocation {
  readonly name: string;
  readonly node: string;
  /** Names of those whose admission fell with it. */
  readonly alsoOut: readonly string[];
}
export interface Placements {
  /** Where the Job would go now; it need not exist. */
  preview(job: Job): Promise<NonNullable<JobStatus["placement"]>>;
}
/** What would travel with a Job. */
export interface Survey {
  readonly files: number;
  readonly bytes: number;
  /** The largest files, largest first; paths as they are below the work directory. */
  readonly largest: readonly { readonly path: string; readonly bytes: number }[];
  /** What stays although no rule says so: links that lead out, devices; the first of them. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly skippedCount: number;
}
export interface LogSource {
  /**
   * Frames from byte `from` on (0 is the start). Without `follow`, a log that is not there has no frames; with it, the log
   * is waited for, and the reading ends only after the eof frame, when the log is removed, or on abort.
   */
  read(
    attempt: Attempt,
    options: { readonly from: number; readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<LogFrame>;
}
/** `homie status -o json`; field names are a scripting contract. */
export interface StatusReport {
  readonly name: string;
  readonly node: string;
  readonly pid: number;
  readonly version: string;
  readonly home: string;
  readonly ready: boolean;
  /** "docker 20.10.24", "process", or "none: <reason>". */
  readonly engine: string;
  readonly runtime: "docker" | "process";
  readonly uptimeSeconds: number;
  readonly problems: number;
  readonly warnings: readonly string[];
  /** By how many milliseconds the wall clocks of linked peers are ahead of this machine's; absent without a crew. */
  readonly clocks?: readonly { readonly peer: string; readonly aheadMs: number }[];
  readonly jobs: Readonly<Record<string, number>>;
}
