import type { StatusReport } from "../api/ports.ts";

/** How the CLI talks to the API: over the socket, or to the same API in this process when no daemon runs. */
export interface Transport {
  readonly mode: "daemon" | "offline";
  send(request: ApiRequest): Promise<ApiResponse>;
  close(): Promise<void>;
}
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With query, e.g. `/apis/homie.dev/v1/jobs?watch=true`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}
export interface ApiResponse {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to the end or cancelled by the request's signal. */
  readonly body: AsyncIterable<Uint8Array>;
}
/** What main.ts hands to the CLI, so that the CLI never imports the daemon. */
export interface Composition {
  /** Runs a daemon in the foreground until `signal` aborts; calls `onReady` once. Throws HomieError AlreadyRunning. */
  runDaemon(options: {
    readonly home: string;
    readonly name?: string;
    readonly signal: AbortSignal;
    readonly onReady: (report: { readonly pid: number; readonly socket: string; readonly engine: string }) => void;
    /** Every line of the daemon's log; the CLI prints them for people. */
    readonly onLog?: (line: DaemonLogLine) => void;
  }): Promise<void>;
  /**
   * The API over the files and the database, without controllers; holds the home's lock until closed. Creates the home
   * where it is missing. Throws HomieError AlreadyRunning while another process holds the lock.
   */
  openOffline(home: string): Promise<Transport>;
  /** The `envs` and `default_env` of config.yaml. */
  environments(home: string): Promise<Environments>;
  /** Who this machine is, from config.yaml and the identity file; writes nothing. */
  profile(home: string): Promise<Profile>;
  /** Creates home (0700), identity and config.yaml where they are missing and sets what is given. Idempotent. */
  initialize(home: string, settings: { readonly name?: string }): Promise<Profile>;
  /** What `homie doctor` prints, in order. Never throws for what it finds wrong. */
  diagnose(home: string, daemon: FoundDaemon): Promise<readonly Check[]>;
  /** Shows a crew of two machines on this one, in homes of their own; answers the exit code. */
  demo(options: ShowOptions): Promise<number>;
  /** Measures the budgets side by side; answers the exit code. */
  bench(options: ShowOptions): Promise<number>;
}
export interface DaemonLogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}
export interface Environments {
  list(): Promise<{ readonly items: readonly Environment[]; readonly defaultName?: string }>;
  /** Throws HomieError AlreadyExists, EngineUnavailable, SourceUnreadable. `onProgress` gets lines of a build. */
  create(
    name: string,
    source: EnvironmentSource,
    options: { readonly signal: AbortSignal; readonly onProgress: (line: string) => void },
  ): Promise<Environment>;
  /** Throws HomieError NotFound. */
  setDefault(name: string): Promise<void>;
  /** Takes the name out of config.yaml; the image stays. Throws HomieError NotFound. */
  remove(name: string): Promise<void>;
}
/** Paths are absolute. */
export type EnvironmentSource =
  | { readonly image: string }
  | { readonly dockerfile: string }
  | { readonly rootfs: string };
export interface Environment {
  readonly name: string;
  readonly image: string;
  /** Directory of the Dockerfile or path of the archive it was made from. */
  readonly source?: string;
}
export interface Profile {
  readonly name: string;
  /** The node's identity; absent before `homie setup` or the first `homie up`. */
  readonly node?: string;
  readonly home: string;
  readonly configFile: string;
}
export interface Check {
  readonly name: string;
  readonly ok: "ok" | "warn" | "fail";
  readonly message: string;
  readonly hint?: string;
}
/** Nothing where no daemon runs, or none that may be asked. */
export interface FoundDaemon {
  readonly report?: StatusReport;
  /** Why a daemon that is there did not answer. */
  readonly failure?: string;
}
export interface ShowOptions {
  readonly write: (text: string) => void;
  /** Print one JSON document instead of text. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}
