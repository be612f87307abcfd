import type { Attempt } from "../resources/attempt.ts";
import type { LogFrame } from "../logs/types.ts";
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
  readonly jobs: Readonly<Record<string, number>>;
}
