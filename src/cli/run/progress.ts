import { renderDuration } from "../render/duration.ts";
import { choosePaint } from "../render/colours.ts";
import { safeLine } from "../render/safe-text.ts";
import { truncateToWidth } from "../render/string-width.ts";
import type { Terminal } from "../terminal.ts";

/** Says on stderr what goes on: one line that is rewritten on a terminal, a line for each change elsewhere. */
export interface Progress extends Disposable {
  show(text: string): void;
  /** Takes the line away for good; what is written from then on stands alone. */
  finish(): void;
  /** Writes lines for the reader, with the progress line out of the way. While held, they wait. */
  write(sink: "output" | "errors", text: string): Promise<void>;
  /** Keeps everything back while something else has the terminal. */
  hold(): Disposable;
}

const tickMs = 1000;
const clearLine = "\r\u001B[2K";

export function createProgress(terminal: Terminal): Progress {
  return new ProgressLine(terminal);
}

class ProgressLine implements Progress {
  readonly #terminal: Terminal;
  readonly #isTty: boolean;
  #text = "";
  #sinceMs = 0;
  #isShown = false;
  #held: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#isTty = terminal.errors.isTty;
  }

  show(text: string): void {
    const line = safeLine(text);
    if (line === this.#text) return;
    this.#text = line;
    this.#sinceMs = this.#terminal.now().getTime();
    if (!this.#isTty) return void this.#terminal.errors.write(`${line}\n`);
    this.#timer ??= setInterval(() => this.#draw(), tickMs).unref();
    this.#draw();
  }

  async write(sink: "output" | "errors", text: string): Promise<void> {
    while (this.#held !== undefined) await this.#held;
    this.#clear();
    await this.#terminal[sink].write(text);
    this.#draw();
  }

  hold(): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clear();
    this.#held = promise;
    return {
      [Symbol.dispose]: () => {
        this.#held = undefined;
        resolve();
        this.#draw();
      },
    };
  }

  [Symbol.dispose](): void {
    this.finish();
  }

  finish(): void {
    clearInterval(this.#timer);
    this.#clear();
    this.#text = "";
  }

  #draw(): void {
    if (!this.#isTty || this.#text === "" || this.#held !== undefined) return;
    const { errors, now, env } = this.#terminal;
    const elapsedMs = now().getTime() - this.#sinceMs;
    const elapsed = elapsedMs < tickMs ? "" : `  ${renderDuration(elapsedMs)}`;
    // One column is left free: in the last one, some terminals begin the next line.
    const room = (errors.columns || 80) - 1 - elapsed.length;
    const paint = choosePaint(true, env);
    this.#clear();
    this.#isShown = true;
    void errors.write(paint("dim", `${truncateToWidth(this.#text, room)}${elapsed}`));
  }

  #clear(): void {
    if (this.#isShown) void this.#terminal.errors.write(clearLine);
    this.#isShown = false;
  }
}
