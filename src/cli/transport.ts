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
  }): Promise<void>;
  /** The API over the files and the database, without controllers; holds the home's lock until closed. */
  openOffline(home: string): Promise<Transport>;
}
