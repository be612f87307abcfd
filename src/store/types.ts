import type { ParsedDocument, Problem } from "../resources/documents.ts";
import type { BaseStatus, Kind, Resource } from "../resources/types.ts";
import type { EventRecorder, OwnedStore } from "../reconciler/types.ts";

export type WatchEvent = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Resource };

/** core/v1 Event in homie's words. */
export interface RecordedEvent {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly about: { readonly kind: string; readonly name: string; readonly uid?: string };
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

/** One finished attempt, kept after its Job is gone. */
export interface HistoryEntry {
  readonly job: string;
  readonly uid: string;
  readonly attempt: number;
  readonly generation: number;
  readonly peer: string;
  readonly role: "mooch" | "plug" | "self";
  readonly script?: string;
  readonly image?: string;
  readonly exitCode?: number;
  readonly phase: string;
  readonly reason?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly runtimeSeconds?: number;
  readonly outputs: number;
  readonly error?: string;
}

/** Where the daemon's objects live: in memory, written through to SQLite before a write returns. */
export interface ObjectStore extends OwnedStore {
  readonly events: EventLog;
  readonly history: History;
  /** One consistent list and the version it is true at. */
  snapshot(kind: Kind): { readonly items: readonly Resource[]; readonly resourceVersion: string };
  /** The newest version handed out. */
  currentVersion(): string;
  /**
   * Calls `onEvent` for every later change of the kind. With `since`, replays what happened after that version first
   * (synchronously); answers "expired" when the version is too old, unknown or from the future (HTTP 410).
   */
  subscribe(kind: Kind, since: string | undefined, onEvent: (event: WatchEvent) => void): Disposable | "expired";
  /** Keeps the cancel wish for one generation; outlives restarts. */
  requestCancel(jobName: string, message: string): void;
  cancelRequested(uid: string, generation: number): { readonly message: string } | undefined;
  /** Facts of one home: file, index and directory an object came from; relative paths in it start at `baseDirectory`. */
  origin(key: { kind: Kind; name: string }): Origin | undefined;
  /** Takes one whole reading of desired/ and makes the objects agree with it (grace, holds and conflicts included). */
  takeDesired(reading: DesiredReading, now: Date): DesiredOutcome;
  /** The same, yielding between transactions where there is much to do: other work may go on then, but no other take. */
  takeDesiredInTurns(reading: DesiredReading, now: Date): Generator<void, DesiredOutcome, void>;
  /** The object is the one that had this uid before the database was lost; what ran for it is its own again. */
  takeIdentity(key: { kind: Kind; name: string }, uid: string, status: BaseStatus): void;
  /** What is wrong in desired/ right now, newest reading. */
  problems(): readonly Problem[];
  /** Removes nothing, closes the database; every later call throws. */
  close(): void;
}

export interface Origin {
  /** Absolute path of the file in desired/. */
  readonly file: string;
  readonly document: number;
  /** Absolute; directory of the file given to `homie apply -f`, or of the file in desired/ itself. */
  readonly baseDirectory: string;
}

export interface EventLog extends EventRecorder {
  list(filter?: { kind?: string; name?: string }): readonly RecordedEvent[];
  subscribe(onEvent: (event: RecordedEvent) => void): Disposable;
}

export interface History {
  add(entry: HistoryEntry): void;
  /** Newest first. */
  list(filter?: HistoryFilter): readonly HistoryEntry[];
  clear(): void;
}
/** Which attempts are asked for; absent fields ask nothing. */
export interface HistoryFilter {
  /** One of these. */
  readonly peers?: readonly string[];
  readonly role?: HistoryEntry["role"];
  /** `succeeded`: phase Succeeded; `failed`: phase Failed. A cancelled attempt is neither. */
  readonly outcome?: "succeeded" | "failed";
  /** Only those that ended at or after it; by their start where no end is known. */
  readonly since?: Date;
  readonly limit?: number;
}

/** What one walk over desired/ found. */
export interface DesiredReading {
  readonly files: readonly DesiredFile[];
  /** Absolute paths of directories that exist and were listed completely. */
  readonly listedDirectories: readonly string[];
  /** Directories or files that exist but could not be read; nothing below them counts as gone. */
  readonly unreadable: readonly UnreadablePath[];
}
export interface UnreadablePath {
  readonly path: string;
  readonly message: string;
  /** Over in a moment (a file is being saved right now): it holds its objects and is nobody's problem. */
  readonly transient?: true;
}
export interface DesiredFile {
  readonly path: string;
  readonly documents: readonly ParsedDocument[];
  readonly problems: readonly Problem[];
  /** 1-based line where the document of each index begins; for messages. */
  readonly documentLines?: readonly number[];
}
export interface DesiredOutcome {
  /** Earliest moment a vanished document's 2 s grace ends; take another reading then. */
  readonly nextGraceAt?: Date;
  readonly changed: number;
}
