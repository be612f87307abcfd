/** The whole terminal, for a view that is drawn anew and again; the shell's lines come back when it is closed. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Aborts at q, Ctrl-C, and when the process is asked to stop. */
  readonly quit: AbortSignal;
  /** Replaces what is shown. Lines fit the columns already; those past the last row are left out. */
  draw(text: string): Promise<void>;
  /** Resolves after so long, or at once when the size changes or somebody quits. */
  pause(milliseconds: number): Promise<void>;
  close(): void;
}
