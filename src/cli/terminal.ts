/** The outside as a command sees it: streams, environment, time, signals. Tests hand in their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly directory: string;
  readonly output: TextSink;
  readonly errors: TextSink;
  readonly input: TextSource;
  /** Aborts at the first Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** Until disposed, each Ctrl-C calls this instead. */
  takeInterrupts(onInterrupt: () => void): Disposable;
  /** Aborts at the first of Ctrl-C, SIGTERM, SIGHUP; from the first call on these no longer end the process by themselves. */
  untilStopped(): AbortSignal;
  now(): Date;
  /** Rejects with the signal's reason when it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}
export interface TextSink {
  readonly isTty: boolean;
  /** Columns of the terminal; 0 when unknown or not a terminal. */
  readonly columns: number;
  /** Resolves when the next write may follow, so that a slow reader slows us down. */
  write(chunk: string | Uint8Array): Promise<void>;
}
export interface TextSource {
  readonly isTty: boolean;
  /** Throws HomieError TooLarge as soon as there is more than `maxBytes`. */
  readAll(maxBytes: number): Promise<string>;
  /** The same, whatever the bytes are. */
  readBytes(maxBytes: number): Promise<Uint8Array>;
  /** Asks on stderr; undefined at the end of input, or when the signal aborts. */
  askLine(question: string, signal?: AbortSignal): Promise<string | undefined>;
  /** As `askLine` for a text that is pasted and may have many lines. Only where `isTty`. */
  askPaste(question: string, options: PasteOptions): Promise<string | undefined>;
}
export interface PasteOptions {
  /** False: the line that just ended is not the last. */
  isWhole(text: string): boolean;
  readonly signal?: AbortSignal;
}
